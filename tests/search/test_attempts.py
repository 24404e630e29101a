"""What becomes of a slot: each way in which an attempt can end, with a trainer that does as it is told."""

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import optuna
import pytest
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from search.host.shutdown import Shutdown
from search.workers.attempt import MOST_EXPIRIES
from search.workers.context import Limits, WorkerContext
from storage import SharedStudy
from storage.records import SlotOrder, SlotSettings
from storage.testkit import expire
from tests.helpers.lab import Lab
from tests.helpers.processes import kill_child
from tests.helpers.waiting import wait_until


def trial_of(shared: SharedStudy, slot: int) -> optuna.trial.FrozenTrial:
    number = shared.ledger.slots()[slot].trial_number
    assert number is not None
    return next(trial for trial in shared.study.get_trials() if trial.number == number)


def test_a_slot_becomes_a_complete_trial_with_a_value_for_each_epoch(lab: Lab) -> None:
    shared = lab.study(1)
    lab.acts = {0: [{"scores": [0.5, 0.6, 0.7]}]}
    lab.work()
    trial = trial_of(shared, 0)
    assert (trial.state, trial.value) == (TrialState.COMPLETE, 0.7)
    assert trial.intermediate_values == {1: 0.5, 2: 0.6, 3: 0.7}
    assert [row.val_accuracy for row in shared.ledger.epochs(trial.number)] == [0.5, 0.6, 0.7]
    assert {"slot", "token", "seed", "host", "device", "backend", "outcome", "epochs"} <= trial.user_attrs.keys()


def test_a_trial_that_the_pruner_ends_is_pruned_with_the_reason(lab: Lab) -> None:
    shared = lab.study(4, pruner="asha-stop", epochs=5)
    lab.acts = {slot: [{"scores": [score] * 5}] for slot, score in enumerate([0.9, 0.8, 0.7, 0.1])}
    lab.work()
    trial = trial_of(shared, 3)
    assert trial.state is TrialState.PRUNED
    assert trial.intermediate_values == {1: 0.1}
    assert trial.user_attrs["reason"] == "worse than others after as many epochs"


def test_nothing_of_a_pruned_trial_is_left_although_its_trainer_writes_late(lab: Lab) -> None:
    lab.study(4, pruner="asha-stop", epochs=5)
    late = {"hold_before": 2, "write_after_stop": True}
    lab.acts = {0: [{"scores": [0.9] * 5}]} | {slot: [{"scores": [0.1], **late}] for slot in (1, 2, 3)}
    lab.work()
    assert not list((lab.folder / "artifacts").rglob("slots"))


def test_a_crashed_trainer_is_replaced_and_the_trial_goes_on_from_its_checkpoint(lab: Lab) -> None:
    shared = lab.study(1)
    lab.acts = {0: [{"die_before": 3}]}
    lab.work()
    assert trial_of(shared, 0).state is TrialState.COMPLETE
    rows = shared.ledger.all_epochs()
    assert [(row.scores.epoch, row.token) for row in rows] == [(1, 1), (2, 1), (3, 2)]


def test_a_trial_that_crashes_again_and_again_fails_with_what_the_trainer_said_last(lab: Lab) -> None:
    shared = lab.study(2)
    lab.acts = {0: [{"die_before": 1}] * 5}
    lab.work()
    trial = trial_of(shared, 0)
    assert (trial.state, trial.user_attrs["failure"]) == (TrialState.FAIL, "crash")
    assert "3 attempts in a row" in trial.user_attrs["reason"]
    assert "SIGKILL" in trial.user_attrs["reason"]
    assert "the stub dies as told" in trial.user_attrs["reason"]
    assert trial_of(shared, 1).state is TrialState.COMPLETE


def test_a_trial_whose_workers_are_killed_is_not_blamed_for_it(lab: Lab) -> None:
    shared = lab.study(1)
    lose_workers(shared, 10)
    lab.work()
    assert trial_of(shared, 0).state is TrialState.COMPLETE


def test_a_trial_that_goes_on_losing_its_workers_is_given_up_at_last_and_the_others_are_done_before(lab: Lab) -> None:
    shared = lab.study(1)
    lose_workers(shared, MOST_EXPIRIES)
    shared.ledger.order_up_to(3, SlotOrder)
    lab.work()
    trial = trial_of(shared, 0)
    assert (trial.state, trial.user_attrs["failure"]) == (TrialState.FAIL, "crash")
    assert f"{MOST_EXPIRIES} workers in a row were lost with it" in trial.user_attrs["reason"]
    assert "the lease of worker killed expired" in trial.user_attrs["reason"]
    assert [done.slot for done in shared.ledger.outcomes()] == [1, 2, 0]


def lose_workers(shared: SharedStudy, count: int) -> None:
    """The workers of the only slot are killed, one after another, before they have trained an epoch."""
    for _ in range(count):
        assert shared.ledger.claim("killed", 600.0) is not None
        expire(shared, 0)


def test_a_trainer_that_died_between_two_trials_is_no_failure_of_the_next(lab: Lab) -> None:
    shared = lab.study(1)
    context = lab.context()
    trainer, _ = context.trainer.process()
    assert trainer.pid is not None
    kill_child(trainer.pid)
    lab.work(context)
    assert trial_of(shared, 0).state is TrialState.COMPLETE
    assert shared.ledger.slots()[0].token == 1


def test_a_trial_that_gets_further_with_each_crash_is_not_given_up(lab: Lab) -> None:
    shared = lab.study(1, epochs=6)
    lab.acts = {0: [{"die_before": epoch} for epoch in (2, 3, 4, 5, 6)]}
    lab.work()
    assert trial_of(shared, 0).state is TrialState.COMPLETE


def test_the_epochs_of_a_failed_trial_are_counted_also_when_it_is_given_up(lab: Lab) -> None:
    shared = lab.study(1)
    lab.acts = {0: [{"die_before": 2}] * 5}
    lab.work()
    assert trial_of(shared, 0).user_attrs["epochs"] == 1


@pytest.mark.parametrize("kind", ["out_of_memory", "space_error", "data_error", "storage_error", "crash"])
def test_a_failure_in_the_trainer_is_a_failed_trial_of_its_kind_and_the_search_goes_on(lab: Lab, kind: str) -> None:
    shared = lab.study(2)
    lab.acts = {0: [{"fail": [kind, "it went wrong"]}]}
    lab.work()
    trial = trial_of(shared, 0)
    assert (trial.state, trial.user_attrs["failure"]) == (TrialState.FAIL, kind)
    assert trial.user_attrs["reason"] == "it went wrong"
    assert trial_of(shared, 1).state is TrialState.COMPLETE


def test_a_trial_that_diverges_is_reported_as_pruned_with_the_reason(lab: Lab) -> None:
    shared = lab.study(1)
    lab.acts = {0: [{"diverge_at": 2}]}
    lab.work()
    trial = trial_of(shared, 0)
    assert (trial.state, trial.user_attrs["outcome"]) == (TrialState.PRUNED, "diverged")
    assert trial.user_attrs["reason"] == "the training loss of epoch 2 is not finite"
    assert shared.ledger.counts().diverged == 1


def test_an_objective_that_is_not_a_number_reaches_optuna_and_the_trial_diverges(lab: Lab) -> None:
    shared = lab.study(1, objective="val_loss", direction="minimize")
    lab.acts = {0: [{"diverge_at": 2}]}
    lab.work()
    trial = trial_of(shared, 0)
    assert trial.state is TrialState.PRUNED
    assert trial.intermediate_values[2] != trial.intermediate_values[2]


def test_a_trial_that_takes_too_long_fails_and_its_trainer_is_ended(lab: Lab) -> None:
    shared = lab.study(1)
    lab.acts = {0: [{"hold_before": 2, "deaf": True}]}
    lab.work(lab.context(Limits(trial_timeout_s=0.5)))
    trial = trial_of(shared, 0)
    assert (trial.state, trial.user_attrs["failure"]) == (TrialState.FAIL, "timeout")
    assert trial.user_attrs["reason"] == "not finished after 0.5 s"


def test_a_warning_of_the_trainer_is_logged_and_training_goes_on(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    shared = lab.study(1)
    lab.acts = {0: [{"warn": "the checkpoint of epoch 1 couldn't be written"}]}
    with caplog.at_level(logging.WARNING):
        lab.work()
    assert "the checkpoint of epoch 1 couldn't be written" in caplog.text
    assert trial_of(shared, 0).state is TrialState.COMPLETE


def test_a_worker_that_is_told_to_leave_gives_its_slot_back_with_the_checkpoint(
    lab: Lab, in_thread: Callable[[Callable[[], None]], threading.Thread]
) -> None:
    shared = lab.study(1)
    lab.acts = {0: [{"hold_before": 3}]}
    shutdown = Shutdown()
    thread = in_thread(lambda: lab.work(shutdown=shutdown))
    wait_until(lambda: len(shared.ledger.all_epochs()) == 2, "two epochs")
    shutdown.request()
    thread.join()
    slot = shared.ledger.slots()[0]
    assert (slot.state, slot.failures) == ("waiting", 0)
    lab.work()
    assert [(row.scores.epoch, row.token) for row in shared.ledger.all_epochs()] == [(1, 1), (2, 1), (3, 2)]


def test_a_worker_that_is_told_to_leave_does_not_wait_for_a_trainer_that_starts(
    lab: Lab,
    in_thread: Callable[[Callable[[], None]], threading.Thread],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("search.workers.trainer_client.TRAINER_START_S", 20.0)
    shared = lab.study(1)
    context = lab.context()
    context.trainer.command = (sys.executable, "-c", "import signal; signal.pause()")
    shutdown = Shutdown()
    thread = in_thread(lambda: lab.work(context, shutdown))
    wait_until(lambda: context.trainer.current, "the trainer to be started")
    shutdown.request()
    thread.join()
    (slot,) = shared.ledger.slots()
    assert (slot.state, slot.failures) == ("waiting", 0)
    assert "wasn't ready" not in caplog.text


def test_a_worker_whose_slot_was_taken_over_drops_it_and_goes_on(
    lab: Lab,
    in_thread: Callable[[Callable[[], None]], threading.Thread],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shared = lab.study(1, lease_s=6.0)
    lab.acts = {0: [{"hold_before": 2}]}
    context = lab.context()
    awake = stall_renewals(context, monkeypatch)
    thread = in_thread(lambda: lab.work(context))
    wait_until(lambda: len(shared.ledger.all_epochs()) == 1, "an epoch")
    expire(shared, 0)
    lease = shared.ledger.claim("another", 6.0)
    assert lease is not None
    awake.set()
    wait_until(lambda: "this attempt is dropped" in caplog.text, "the stale worker to drop the slot")
    shared.ledger.release(lease)
    thread.join()
    assert [(row.scores.epoch, row.token) for row in shared.ledger.all_epochs()] == [(1, 1), (2, 3), (3, 3)]


def stall_renewals(context: WorkerContext, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Has the worker's renewals wait, as on a machine that was suspended, until the event is set."""
    awake = threading.Event()
    renew = context.shared.ledger.renew
    monkeypatch.setattr(context.shared.ledger, "renew", lambda *arguments: awake.wait() and renew(*arguments))
    return awake


def test_a_worker_killed_between_an_epoch_and_its_verdict_leaves_the_verdict_to_the_next(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = lab.study(4, pruner="asha-stop", epochs=5)
    lab.acts = {slot: [{"scores": [0.9] * 5}] for slot in range(3)}
    lab.acts[3] = [{"scores": [0.1], "die_before": 2}, {"scores": [0.1, 0.95, 0.95, 0.95, 0.95]}]
    context = lab.context()
    ask, asked = context.pruner.prune, list[int]()

    def die_first(study: Study, trial: FrozenTrial) -> bool:
        if trial.number == 3 and not asked:  # that of slot 3, as one worker takes them in their order
            asked.append(trial.number)
            raise ConnectionAbortedError
        return bool(ask(study, trial))

    monkeypatch.setattr(context.pruner, "prune", die_first)
    with pytest.raises(ConnectionAbortedError):
        lab.work(context)
    context.trainer.discard()
    shared.ledger.release(held(shared, 3), failure="killed")
    lab.work()
    trial = trial_of(shared, 3)
    assert (trial.state, trial.intermediate_values) == (TrialState.PRUNED, {1: 0.1})


def held(shared: SharedStudy, slot: int) -> Any:
    """The lease that is on a slot."""
    from storage.records import Lease

    row = shared.ledger.slots()[slot]
    assert row.worker_id is not None
    return Lease(
        slot=slot,
        token=row.token,
        worker_id=row.worker_id,
        trial_number=row.trial_number,
        params=None,
        seed=row.seed,
        settings=SlotSettings(),
        failures=row.failures,
        last_failure=None,
        lease_s=30.0,
    )


def test_a_trial_that_another_program_has_ended_is_settled_all_the_same(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = lab.study(2)
    lab.acts = {0: [{"die_before": 2}]}
    context = lab.context()
    original = context.shared.ledger.release

    def end_it(*arguments: Any, **named: Any) -> Any:
        shared.study.tell(0, state=TrialState.FAIL)
        return original(*arguments, **named)

    monkeypatch.setattr(context.shared.ledger, "release", end_it)
    lab.work(context)
    assert trial_of(shared, 0).state is TrialState.FAIL
    assert shared.ledger.counts().complete == 2
    assert not shared.ledger.unconfirmed()


def test_the_deadline_of_a_worker_lets_the_slot_in_hand_come_to_its_end(lab: Lab) -> None:
    from search.workers.loop import work

    shared = lab.study(3)
    work(lab.context(), Shutdown(), deadline=time.monotonic() - 1)
    assert shared.ledger.counts().waiting == 3


def test_an_epoch_that_is_trained_again_without_its_checkpoint_keeps_its_first_scores(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shared = lab.study(1)
    lab.acts = {0: [{"scores": [0.5, 0.6], "die_before": 3}, {"scores": [0.51, 0.61, 0.7]}]}
    context = lab.context()
    release = context.shared.ledger.release

    def without_checkpoints(*arguments: Any, **named: Any) -> Any:
        context.folder.clear_slot(0)
        return release(*arguments, **named)

    monkeypatch.setattr(context.shared.ledger, "release", without_checkpoints)
    lab.work(context)
    trial = trial_of(shared, 0)
    assert trial.intermediate_values == {1: 0.5, 2: 0.6, 3: 0.7}
    assert [row.val_accuracy for row in shared.ledger.epochs(trial.number)] == [0.5, 0.6, 0.7]
    assert "starts again from epoch 1" in caplog.text
    assert caplog.text.count("starts again") == 1


def test_epochs_of_a_second_that_are_trained_again_after_a_kill_are_not_worth_a_warning(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A checkpoint is written at most once a second: the last one may be of an earlier epoch than the ledger's last."""
    shared = lab.study(1)
    lab.acts = {0: [{"scores": [0.5, 0.6], "die_before": 3}, {"scores": [0.5, 0.61, 0.7]}]}
    context = lab.context()
    release = context.shared.ledger.release

    def with_the_first_checkpoint(*arguments: Any, **named: Any) -> Any:
        path = context.folder.checkpoint(0, 1)
        path.write_bytes(msgspec.json.encode(msgspec.json.decode(path.read_bytes())[:1]))
        return release(*arguments, **named)

    monkeypatch.setattr(context.shared.ledger, "release", with_the_first_checkpoint)
    lab.work(context)
    assert trial_of(shared, 0).intermediate_values == {1: 0.5, 2: 0.6, 3: 0.7}
    assert "starts again" not in caplog.text


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_worker_continues_a_trial_that_another_process_made_and_gave_no_parameters(lab: Lab, sampler: str) -> None:
    from search.study.trials import open_trial

    shared = lab.study(1, sampler=sampler)
    lease = shared.ledger.claim("killed", 30.0)
    context = lab.context()
    assert lease is not None
    open_trial(shared, context.space, lease)
    shared.ledger.release(lease, failure="killed")
    lab.work(context)
    trial = trial_of(shared, 0)
    assert trial.state is TrialState.COMPLETE, trial.user_attrs
    assert trial.params
