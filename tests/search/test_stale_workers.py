"""A worker that was suspended for longer than its lease: whatever it was about to write, its successor's stands."""

from typing import Any

import optuna
import pytest
from optuna.pruners import NopPruner
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from search.study.trials import open_trial, suggest_configuration
from spaces import load_space
from spaces.configuration import Configuration
from spaces.space import Space, Trial
from storage import SharedStudy, open_study
from storage.errors import LeaseLost
from storage.records import Lease
from storage.testkit import expire
from tests.helpers.lab import Lab

SPACE = load_space("bn_dropout")


def claimed(shared: SharedStudy, worker: str) -> Lease:
    lease = shared.ledger.claim(worker, 30.0)
    assert lease is not None
    return lease


def taken_over(shared: SharedStudy, url: str) -> tuple[Lease, Configuration]:
    """Another worker claims the slot once its lease has expired, and has got as far as its configuration."""
    expire(shared, 0)
    with open_study(url, shared.name) as others:
        lease = claimed(others, "successor")
        number = open_trial(others, SPACE, lease)
        return lease, suggest_configuration(others, SPACE, lease, number, NopPruner())


def test_one_that_is_suspended_before_it_makes_the_trial_makes_none(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = lab.study(1)
    stale = claimed(shared, "stale")

    def awake_late(**fields: Any) -> FrozenTrial:
        monkeypatch.undo()
        taken_over(shared, lab.url)
        return optuna.trial.create_trial(**fields)

    monkeypatch.setattr("search.study.trials.create_trial", awake_late)
    with pytest.raises(LeaseLost):
        open_trial(shared, SPACE, stale)
    assert len(shared.study.get_trials()) == 1


def test_one_that_is_suspended_between_two_parameters_changes_none(lab: Lab) -> None:
    shared = lab.study(1, sampler="tpe")
    stale = claimed(shared, "stale")
    number = open_trial(shared, SPACE, stale)
    successors: list[Configuration] = []

    def suggest(trial: Trial) -> Configuration:
        trial.suggest_categorical("optimizer", ["sgd", "momentum", "rmsprop", "adam", "adadelta"])
        if not successors:
            successors.append(taken_over(shared, lab.url)[1])
        trial.suggest_float("forgotten", 0, 1)
        return SPACE.suggest(trial)

    with pytest.raises(LeaseLost):
        suggest_configuration(shared, Space(name="slow", question="?", suggest=suggest), stale, number, NopPruner())
    params = shared.study.get_trials()[number].params
    assert "forgotten" not in params
    assert SPACE.suggest(FixedTrial(params)) == successors[0]


def test_one_that_is_suspended_before_the_pruner_asks_learns_that_the_slot_is_done(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = lab.study(1, pruner="asha-stop", epochs=5)
    context, successor = lab.context(), lab.context()
    ask = context.pruner.prune
    asked: list[int] = []

    def late(study: Any, trial: Any) -> bool:
        if not asked:
            asked.append(trial.number)
            expire(shared, 0)
            lab.work(successor)
        return ask(study, trial)

    monkeypatch.setattr(context.pruner, "prune", late)
    lab.work(context)
    assert shared.study.get_trials()[0].state is TrialState.COMPLETE
    assert {row.token for row in shared.ledger.all_epochs()} == {1, 2}
