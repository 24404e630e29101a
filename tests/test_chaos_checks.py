"""The checks of the chaos see what they are there to see."""

from typing import Any

import pytest
from chaos_checks import Death, Recorded, Study, count_epochs, count_slots, count_work, fenced_writes
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from stub_trainer import Begun

from storage.records import Outcome, SlotRow, SlotSettings


def slot_row(number: int = 0, **changes: Any) -> SlotRow:
    fields: dict[str, Any] = {
        "slot": number,
        "state": "done",
        "token": 2,
        "worker_id": "w",
        "trial_number": number,
        "seed": 1,
        "params": None,
        "settings": SlotSettings(),
        "failures": 0,
        "last_failure": None,
        "outcome": Outcome("complete", 0.5, epochs=2),
        "confirmed": True,
    }
    return SlotRow(**{**fields, **changes})


def trial(values: dict[int, float], state: TrialState = TrialState.COMPLETE, slot: int = 0) -> FrozenTrial:
    return create_trial(
        state=state,
        value=values.get(2, 0.5) if state is TrialState.COMPLETE else None,
        params={"x": 0.5},
        distributions={"x": FloatDistribution(0, 1)},
        intermediate_values=values,
        user_attrs={"slot": slot},
    )


def study(rows: list[Recorded], trials: dict[int, FrozenTrial] | None = None, **changes: Any) -> Study:
    found = trials or {0: trial({1: 0.4, 2: 0.5})}
    for number, each in found.items():
        each.number = number
    return Study([slot_row(**changes)], found, {0: rows}, 2)


GOOD = [Recorded(1, 1, 0.4, 10.0), Recorded(2, 2, 0.5, 12.0)]


def begun(epoch: int, token: int, at: float, pid: int = 7, worker: int = 6) -> Begun:
    return Begun(0, token, epoch, pid, worker, at)


def test_a_trial_more_than_was_ordered_is_seen() -> None:
    found = count_slots(study(GOOD, {0: trial({1: 0.4, 2: 0.5}), 1: trial({}, TrialState.RUNNING)}))
    assert (found["trials_without_slot"], found["slots_with_two_trials"]) == (1, 1)


def test_a_result_that_differs_from_the_ledger_is_seen() -> None:
    assert count_slots(study(GOOD))["results_that_differ"] == 0
    assert count_slots(study([GOOD[0], Recorded(2, 2, 0.6, 12.0)]))["results_that_differ"] == 1


def test_a_missing_epoch_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos_checks.undisturbed", lambda *_: [0.4, 0.5])
    assert count_epochs(study(GOOD))["epochs_missing"] == 0
    assert count_epochs(study(GOOD[1:]))["epochs_missing"] == 1


def test_an_epoch_that_optuna_has_otherwise_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos_checks.undisturbed", lambda *_: [0.4, 0.5])
    assert count_epochs(study(GOOD))["epochs_that_differ"] == 0
    assert count_epochs(study(GOOD, {0: trial({1: 0.1, 2: 0.5})}))["epochs_that_differ"] == 1


def test_a_write_with_an_old_token_is_seen() -> None:
    late = [Recorded(1, 2, 0.4, 11.0), Recorded(2, 1, 0.5, 12.0)]
    assert fenced_writes(slot_row(), study(GOOD), {}) == 0
    assert fenced_writes(slot_row(), study(late), {}) > 0


def test_a_write_after_a_newer_attempt_began_is_seen() -> None:
    attempts = {0: {1: [begun(1, 1, 9.0)], 2: [begun(2, 2, 9.5)]}}
    assert fenced_writes(slot_row(), study(GOOD), attempts) == 1


def test_work_that_a_kill_has_cost_is_told_from_work_done_twice_by_the_living() -> None:
    attempts = {0: {1: [begun(1, 1, 1.0), begun(2, 1, 2.0)], 2: [begun(1, 2, 5.0), begun(2, 2, 6.0)]}}
    killed = count_work(attempts, [Death(7, 3.0)])
    assert (killed["most_epochs_lost_by_a_kill"], killed["attempts_overtaken"]) == (2, 0)
    alive = count_work(attempts, [Death(99, 3.0)])
    assert (alive["most_epochs_lost_by_a_kill"], alive["epochs_trained_twice_by_overtaken_attempts"]) == (0, 2)
