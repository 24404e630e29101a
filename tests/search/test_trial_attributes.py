"""The user attributes of a trial, by their names."""

from hypothesis import given
from hypothesis import strategies as st

from search.study.trial_attributes import TrialAttributes

NAMES = TrialAttributes.__struct_fields__
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def test_what_is_stored_is_what_was_given_without_what_was_not() -> None:
    attributes = TrialAttributes(slot=3, outcome="failed", failure="crash", reason="it crashed", epoch_seconds=0.5)
    stored = {"slot": 3, "outcome": "failed", "failure": "crash", "reason": "it crashed", "epoch_seconds": 0.5}
    assert attributes.stored() == stored
    assert TrialAttributes.of({**stored, "of another program": [1]}) == attributes


@given(stored=st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON))
def test_whatever_another_program_has_stored_is_read_or_left_out(stored: dict[str, object]) -> None:
    found = TrialAttributes.of(stored).stored()
    assert found == {name: stored[name] for name in found}
