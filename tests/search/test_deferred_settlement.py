"""What a finished slot leaves to be done: it waits until the next one is being trained, where that changes nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from search.workers.deferred_settlement import DeferredSettlement
from search.workers.settle import settle
from spaces import load_space
from spaces.configuration import Configuration
from spaces.space import Trial
from spaces.trials import random_trial
from storage import SharedStudy
from storage.errors import StorageUnreachable
from storage.records import SlotOrder
from storage.testkit import order_all
from tests.helpers.lab import Lab
from tests.helpers.waiting import wait_until


def drawn_params(seed: int) -> dict[str, Any]:
    drawn = random_trial(seed)
    load_space("bn_dropout").suggest(drawn)
    return dict(drawn.params)


def study_of_given(lab: Lab, trials: int, **changes: Any) -> SharedStudy:
    """A study all of whose slots have fixed parameters."""
    shared: SharedStudy = lab.study(0, **changes)
    order_all(shared.ledger, [SlotOrder(seed=seed, params=drawn_params(seed)) for seed in range(trials)])
    return shared


def states(shared: SharedStudy) -> list[TrialState]:
    return [trial.state for trial in shared.study.get_trials(deepcopy=False)]


def begun_slots(file: Path) -> set[int]:
    return {json.loads(line)["slot"] for line in file.read_text().splitlines()} if file.exists() else set()


def test_the_next_given_configuration_is_being_trained_before_a_trial_is_settled(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, begun = study_of_given(lab, 3), tmp_path / "begun"

    def settle_when_the_next_has_begun(shared: SharedStudy, folder: Any, finished: Any, facts: Any) -> None:
        if finished.slot < 2:
            wait_until(lambda: finished.slot + 1 in begun_slots(begun), f"the slot after {finished.slot}")
        settle(shared, folder, finished, facts)

    monkeypatch.setattr("search.workers.attempt.settle", settle_when_the_next_has_begun)
    context = lab.context()
    context.trainer.command = (*context.trainer.command, "--begun", str(begun))
    lab.work(context)
    assert states(shared) == [TrialState.COMPLETE] * 3


def test_a_sampler_sees_how_all_the_trials_before_have_ended(lab: Lab) -> None:
    seen: list[list[TrialState]] = []

    def suggest(trial: Trial) -> Configuration:
        seen.append(states(shared)[:-1])  # the last is the one that is suggested for
        return load_space("bn_dropout").suggest(trial)

    own = replace(load_space("bn_dropout"), suggest=suggest)
    shared = lab.study(3)
    lab.work(lab.context(space=own))
    assert seen == [[TrialState.COMPLETE] * before for before in range(3)]


def test_a_trainer_that_is_ended_for_a_pruned_trial_is_replaced_without_blame_on_the_next(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = study_of_given(lab, 5, pruner="asha-stop", epochs=5)
    lab.acts = {slot: [{"scores": [score] * 5}] for slot, score in enumerate([0.9, 0.8, 0.7])}
    lab.acts[3] = [{"scores": [0.1], "hold_before": 2, "deaf": True}]
    lab.acts[4] = [{"scores": [0.95] * 5}]
    monkeypatch.setattr("search.workers.attempt.PRUNE_S", 0)
    lab.work()
    assert states(shared)[3:] == [TrialState.PRUNED, TrialState.COMPLETE]
    assert shared.ledger.slots()[4].token == 1


def test_what_is_left_is_done_once_and_before_anything_else_is_left() -> None:
    done: list[str] = []
    with DeferredSettlement() as deferred:
        deferred.leave(lambda: done.append("first"))
        assert done == []
        deferred.leave(lambda: done.append("second"))
        assert done == ["first"]
        deferred.do()
        deferred.do()
        assert done == ["first", "second"]
        deferred.leave(lambda: done.append("third"))
    assert done == ["first", "second", "third"]


def test_a_worker_leaves_although_the_database_is_away(caplog: pytest.LogCaptureFixture) -> None:
    def out_of_reach() -> None:
        raise StorageUnreachable("the database is away")

    with DeferredSettlement() as deferred:
        deferred.leave(out_of_reach)
    assert "the last trial is left for others to end: the database is away" in caplog.text
