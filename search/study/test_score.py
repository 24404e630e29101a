"""The test score of a search's best model, as it is stored with the study."""

import msgspec

from storage import SharedStudy

TEST_ATTR = "test_score"


class TestScore(msgspec.Struct, frozen=True):
    """How a trial's model does on `n` images that neither training nor the search saw: accuracy in [0, 1]."""

    trial: int
    accuracy: float
    loss: float
    n: int


def stored_test_score(shared: SharedStudy) -> TestScore | None:
    """The test score that was measured, None if none was."""
    with shared.translated():
        stored = shared.study.user_attrs.get(TEST_ATTR)
    return None if stored is None else msgspec.convert(stored, TestScore)
