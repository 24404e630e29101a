"""The name of a fleet is one that every engine takes, and no other study's."""

from hypothesis import given
from hypothesis import strategies as st

from search.cluster.fleet import fleet_name

STAMPS = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(name=st.text(min_size=1, max_size=200), stamp=STAMPS)
def test_it_is_short_and_has_letters_digits_and_hyphens_alone(name: str, stamp: str) -> None:
    made = fleet_name(name, stamp)
    assert made.isascii()
    assert made.replace("-", "").isalnum()
    assert made == made.lower()
    assert len(made) <= 45
    assert made.endswith(stamp[:8])


def test_the_study_is_recognized_in_it() -> None:
    assert fleet_name("bn_dropout-digits (new)", "3314ed85aa") == "search-bn-dropout-digits-new-3314ed85"
