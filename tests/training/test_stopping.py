"""Early stopping goes by the scores so far."""

import pytest

from search.training.jobs.stopping import best_epoch, kept_epoch, why_over
from spaces.configuration import EarlyStopping
from spaces.epoch_scores import EpochScores


def history(*losses: float | None) -> list[EpochScores]:
    """Epochs with these validation losses; the accuracies are their negatives."""
    return [EpochScores(n, 1, 0, loss, loss and -loss, 1, 0.1) for n, loss in enumerate(losses, start=1)]


@pytest.mark.parametrize(
    ("losses", "over"),
    [
        ((3, 2, 1), False),
        ((1, 2), False),
        ((1, 2, 3), True),
        ((1, 1, 1), True),
        ((2, 3, 1, 2), False),
        ((2, 3, 1, 2, 1), True),
        ((None, None), False),
    ],
)
def test_it_is_over_after_patience_epochs_that_were_no_better(losses: tuple[float | None, ...], over: bool) -> None:
    for monitor in ("val_loss", "val_accuracy"):
        assert (why_over(EarlyStopping(2, monitor), history(*losses)) is not None) == over


def test_without_a_rule_or_without_patience_it_never_is() -> None:
    worse = history(1, 2, 3, 4, 5)
    assert why_over(None, worse) is None
    assert why_over(EarlyStopping(None, restore_best=True), worse) is None
    assert why_over(EarlyStopping(1), []) is None


def test_the_first_of_the_best_epochs_is_the_best_and_one_without_a_score_never_is() -> None:
    assert best_epoch("val_loss", history(3, 1, 1)) == 2
    assert best_epoch("val_accuracy", history(None, 5, 1)) == 3


def test_it_is_kept_only_where_the_rule_says_so() -> None:
    assert kept_epoch(EarlyStopping(2, restore_best=True), history(3, 1, 2)) == 2
    assert kept_epoch(EarlyStopping(2), history(3, 1, 2)) is None
    assert kept_epoch(None, history(3, 1, 2)) is None
