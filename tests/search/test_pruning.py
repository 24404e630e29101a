"""Pruners by name: each ends the poor trials of a study, and spares the good ones."""

import optuna
import pytest
from optuna.trial import TrialState

from search.errors import UsageError
from search.sampling.pruners import PRUNERS, grace_epochs, make_pruner, pruner_choice
from tests.helpers.lab import Lab

EPOCHS = 9


def study_of(pruner: str, finals: list[float]) -> optuna.Study:
    """A study of completed trials, whose accuracy rises evenly to a final value. Hyperband gives trials to its brackets
    by the study's name, and Optuna names studies at random.
    """
    study = optuna.create_study(study_name="study", direction="maximize", pruner=make_pruner(pruner, EPOCHS))
    for final in finals:
        trial = study.ask()
        for epoch in range(1, EPOCHS + 1):
            trial.report(final * epoch / EPOCHS, epoch)
            trial.should_prune()
        study.tell(trial, final)
    return study


def ended_after(study: optuna.Study, final: float) -> int | None:
    """After how many epochs the pruner ends a trial that is on its way to a final value; None if it doesn't."""
    trial = study.ask()
    for epoch in range(1, EPOCHS):
        trial.report(final * epoch / EPOCHS, epoch)
        if trial.should_prune():
            return epoch
    return None


@pytest.mark.parametrize("pruner", ["asha-stop", "median", "hyperband"])
def test_the_worst_of_a_set_is_ended_and_the_best_is_not(pruner: str) -> None:
    study = study_of(pruner, [0.5, 0.6, 0.7, 0.8, 0.9, 0.55, 0.65])
    assert ended_after(study, 0.1) is not None
    assert ended_after(study, 0.99) is None


@pytest.mark.parametrize("pruner", ["asha-stop", "median", "hyperband"])
def test_no_trial_is_judged_before_its_grace_is_over(pruner: str) -> None:
    study = study_of(pruner, [0.9] * 7)
    ended = ended_after(study, 0.01)
    assert ended is not None
    assert ended >= grace_epochs(EPOCHS)


def test_none_ends_nothing() -> None:
    assert ended_after(study_of("none", [0.9] * 7), 0.0) is None


@pytest.mark.parametrize(("epochs", "grace"), [(1, 1), (2, 1), (5, 1), (10, 2), (50, 10)])
def test_a_fifth_of_the_epochs_is_grace(epochs: int, grace: int) -> None:
    assert grace_epochs(epochs) == grace


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_search_with_it_runs_to_its_end(pruner: str, lab: Lab) -> None:
    shared = lab.study(12, pruner=pruner, epochs=EPOCHS)
    lab.acts = {slot: [{"scores": [(slot % 4 + 1) / 5] * EPOCHS}] for slot in range(12)}
    lab.work()
    states = [trial.state for trial in shared.study.get_trials()]
    assert set(states) <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert (TrialState.PRUNED in states) == (pruner != "none")


def test_an_unknown_pruner_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(UsageError, match=r"Did you mean 'median'.*asha, asha-stop, median, hyperband, none"):
        pruner_choice("medium")


@pytest.mark.parametrize(
    ("pruner", "epochs"), [("asha", [2, 6]), ("asha-stop", [2, 6]), ("hyperband", [2, 6]), ("none", [])]
)
def test_pruners_are_asked_where_they_judge(pruner: str, epochs: list[int]) -> None:
    choice = pruner_choice(pruner)
    assert [epoch for epoch in range(1, 11) if choice.judges(10, epoch)] == epochs
