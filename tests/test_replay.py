"""Recorded learning curves are replayed as a search would have trained them, also those that ended early."""

import numpy as np
import pytest
from replay import RULES, as_curve, read_pool, select
from replayed_pruners import Curve, promoted, stopped, that_fit, unpruned

LAST, SMOOTH = RULES["last epoch"], RULES["mean of the last 3"]
EPOCHS = 9  # rungs after 1 and 3


def steady(level: float, epochs: int = EPOCHS) -> Curve:
    """A curve that stays at its level; with fewer epochs, one that early stopping ended."""
    return as_curve([level] * epochs, EPOCHS)


def test_a_curve_that_stopped_early_is_complete_and_can_be_the_best() -> None:
    curves = [steady(0.5), steady(0.9, epochs=4), steady(0.6)]
    assert select(unpruned(curves, LAST), LAST) == 1


def test_one_that_a_pruner_stopped_is_not() -> None:
    trained = stopped([steady(0.5), steady(0.4), steady(0.9)], LAST)
    assert [each.epochs for each in trained] == [9, 1, 9]
    assert [each.complete for each in trained] == [True, False, True]


def test_rungs_are_those_of_the_search_also_where_all_curves_are_shorter() -> None:
    assert [each.epochs for each in stopped([steady(0.5, 2), steady(0.4, 2)], LAST)] == [2, 1]
    assert [each.epochs for each in promoted([steady(0.5, 2), steady(0.4, 2), steady(0.3, 2)], LAST)] == [2, 2, 2]


def test_promotion_counts_those_that_stopped_early_among_the_complete() -> None:
    """Without them it would train paused trials to their end until three of nine epochs are there."""
    curves = [steady(0.9, 4), steady(0.8, 4), steady(0.7, 4), *[steady(0.1)] * 6]
    trained = promoted(curves, LAST)
    assert [each.epochs for each in trained] == [4, 4, 4, *[1] * 6]
    assert select(trained, LAST) == 0


def test_a_run_that_diverged_is_never_complete() -> None:
    diverged = as_curve([0.95, 0.99, None], EPOCHS, kept=2)
    assert (len(diverged), diverged.kept) == (3, None)
    assert select(unpruned([diverged, steady(0.2)], RULES["best epoch"]), RULES["best epoch"]) == 1
    late = as_curve([*[0.99] * 8, None], EPOCHS)
    assert select(unpruned([late, steady(0.2)], RULES["best epoch"]), RULES["best epoch"]) == 1


def test_a_run_that_went_back_to_its_best_epoch_counts_with_the_epochs_up_to_it() -> None:
    back = as_curve([0.3, 0.6, 0.9, 0.9, 0.1], EPOCHS, kept=4)
    assert back.final == 0.9
    assert back.value(LAST) == 0.9
    assert back.value(SMOOTH) == pytest.approx(0.9)
    pool = read_pool({"epochs": 9, "curves": [[[0.1, 0.2], [0.3, 0.5, 0.4]]], "kept": [[None, 2]]})
    assert np.array_equal(pool.truth, [0.5])


def test_trials_are_paid_by_the_epochs_that_they_were_trained() -> None:
    curves = [steady(0.5, 3), steady(0.4, 3), steady(0.9)]
    assert len(that_fit(curves, LAST, unpruned, 6)) == 2
    assert len(that_fit(curves, LAST, unpruned, 15)) == 3
