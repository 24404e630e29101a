"""A worker's loop: which slots it works on, and when it stops."""

import math
import os
from typing import Any

import pytest
from optuna.trial import TrialState

from search.errors import Quarantined
from search.host.shutdown import Shutdown
from search.host.watched import VARIABLE
from search.study.test_score import stored_test_score
from search.views.dashboard_attributes import get_note
from search.workers.attempt import attempt_slot
from search.workers.deferred_settlement import DeferredSettlement
from search.workers.loop import FailureStreak, OrphanSettler, work
from storage.errors import StorageUnreachable
from storage.records import Outcome, Scalar, SlotOrder
from storage.study import SharedStudy
from storage.testkit import bound, claimed, order_all
from tests.helpers.lab import Lab


def test_a_worker_does_all_the_slots_and_nothing_of_them_is_left(lab: Lab) -> None:
    shared = lab.study(6)
    lab.work()
    trials = shared.study.get_trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 6
    assert not list((lab.folder / "artifacts").rglob("slots"))


def test_the_worker_that_ends_the_last_trial_measures_the_test_score(lab: Lab) -> None:
    shared = lab.study(2)
    lab.work()
    score = stored_test_score(shared)
    assert score is not None
    assert score.trial == shared.study.best_trial.number


def shown(shared: SharedStudy) -> tuple[set[str], str]:
    """The names of the figures that are stored with the study, and its note."""
    attributes = shared.trials.storage.get_study_system_attrs(shared.study_id)
    figures = {name.split(":")[2] for name in attributes if name.startswith("dashboard:plot_data:")}
    return figures, get_note(shared, None) or ""


def test_of_a_search_that_no_launch_watches_the_last_worker_stores_figures_and_notes(lab: Lab) -> None:
    shared = lab.study(4)
    lab.acts = {3: [{"fail": ["space_error", "broken"]}]}
    lab.work()
    figures, note = shown(shared)
    score = stored_test_score(shared)
    assert "history" in figures
    assert score is not None
    assert f"a test accuracy of {score.accuracy:.2%}" in note.partition("## Result")[2]
    assert "broken" in (get_note(shared, shared.trials.ids[3]) or "")


def test_of_one_that_a_launch_watches_it_leaves_them_to_the_launch(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = lab.study(2)
    monkeypatch.setenv(VARIABLE, str(os.getppid()))
    lab.work()
    assert stored_test_score(shared) is not None
    assert shown(shared) == (set(), "")


def test_if_the_last_worker_was_killed_the_next_one_that_comes_ends_the_search(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = lab.study(2)
    monkeypatch.setattr("search.workers.concluding.conclude", lambda _: None)
    lab.work()
    monkeypatch.undo()
    assert stored_test_score(shared) is None
    lab.work()
    assert stored_test_score(shared) is not None
    assert "history" in shown(shared)[0]


def test_a_second_worker_finds_a_finished_study_and_leaves(lab: Lab) -> None:
    shared = lab.study(2)
    lab.work()
    lab.work()
    assert len(shared.study.get_trials()) == 2


def test_a_study_whose_first_trials_all_fail_for_the_same_reason_stops(lab: Lab) -> None:
    shared = lab.study(10)
    lab.acts = {slot: [{"fail": ["space_error", f"build raised ValueError: {slot}.5e-3"]}] for slot in range(10)}
    lab.work()
    assert shared.ledger.counts().failed == 3
    reason = str(shared.ledger.stop_reason())
    assert reason.startswith("the first 3 trials all failed for the same reason (space_error)")


def test_failures_for_different_reasons_do_not_stop_a_study(lab: Lab) -> None:
    shared = lab.study(5)
    lab.acts = {slot: [{"fail": ["space_error", reason]}] for slot, reason in enumerate(["this", "that", "other"])}
    lab.work()
    assert (shared.ledger.counts().failed, shared.ledger.counts().complete) == (3, 2)


def test_a_study_goes_on_once_what_made_its_first_trials_fail_is_mended(lab: Lab) -> None:
    shared = lab.study(6)
    lab.acts = {slot: [{"fail": ["space_error", "broken"]}] for slot in range(3)}
    lab.work()
    shared.ledger.resume()
    lab.work()
    assert (shared.ledger.counts().failed, shared.ledger.counts().complete) == (3, 3)


def test_a_worker_on_which_every_slot_crashes_leaves_with_an_error(lab: Lab) -> None:
    shared = lab.study(6)
    lab.acts = {slot: [{"die_before": 1}] * 9 for slot in range(6)}
    with pytest.raises(Quarantined):
        lab.work()
    assert shared.ledger.counts().leased == 0


def test_a_worker_on_which_epochs_are_trained_is_not_suspect_whatever_is_killed(lab: Lab) -> None:
    shared = lab.study(6)
    lab.acts = {slot: [{"die_before": 2}] for slot in range(6)}
    context, strikes, deferred = lab.context(), FailureStreak(), DeferredSettlement()
    for slot in range(4):
        lease = claimed(context.shared.ledger, context.worker_id)
        strikes.note(lease.slot, attempt_slot(context, lease, Shutdown(), deferred))
        taken = claimed(shared.ledger, "another")
        assert (taken.slot, taken.failures) == (slot, 1)


def test_a_short_outage_of_the_database_is_sat_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = lab.study(2)
    context = lab.context()
    for name in ("try_claim", "record_epoch", "finish", "counts", "unconfirmed"):
        fail_once(context.shared.ledger, name)
    monkeypatch.setattr("search.workers.loop.OUTAGE_POLL_S", 0.0)
    lab.work(context)
    assert shared.ledger.counts().complete == 2
    assert [(row.trial_number, row.scores.epoch) for row in shared.ledger.all_epochs()] == [
        (trial, epoch) for trial in (0, 1) for epoch in (1, 2, 3)
    ]


def fail_once(target: Any, name: str) -> None:
    """The first call finds the database away."""
    whole = getattr(target, name)
    calls = []

    def flaky(*arguments: Any, **named: Any) -> Any:
        calls.append(name)
        if len(calls) == 1:
            raise StorageUnreachable("the database is away")
        return whole(*arguments, **named)

    setattr(target, name, flaky)


def test_what_a_dead_worker_left_untold_is_told_by_another(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = lab.study(1)
    lease = claimed(shared.ledger, "dead")
    number = shared.study.ask().number
    bound(shared.ledger, lease, number)
    shared.ledger.finish(lease, Outcome("complete", 0.5, epochs=3))
    monkeypatch.setattr("search.workers.loop.SETTLE_AFTER_S", 0.0)
    lab.work()
    assert shared.study.trials[0].state is TrialState.COMPLETE
    assert not shared.ledger.unconfirmed()


def test_a_slot_that_was_just_finished_is_left_to_its_worker(lab: Lab) -> None:
    shared = lab.study(1)
    lease = claimed(shared.ledger, "busy")
    number = shared.study.ask().number
    bound(shared.ledger, lease, number)
    shared.ledger.finish(lease, Outcome("complete", 0.5, epochs=3))
    OrphanSettler(lab.context()).settle(shared.ledger.left())
    assert shared.study.trials[0].state is TrialState.RUNNING


def test_a_stopped_study_is_left_alone(lab: Lab) -> None:
    shared = lab.study(3)
    shared.ledger.stop("enough")
    work(lab.context(), Shutdown(), math.inf)
    assert shared.ledger.counts().waiting == 3


def test_slots_can_be_ordered_with_their_parameters(lab: Lab) -> None:
    shared = lab.study(0)
    params: dict[str, Scalar] = {
        "optimizer": "adam",
        "learning_rate": 0.001,
        "batch_norm": "none",
        "dropout_position": "none",
    }
    order_all(shared.ledger, [SlotOrder(seed=1, params=params), SlotOrder(seed=2)])
    lab.work()
    assert shared.study.trials[0].params == params
    assert shared.study.trials[1].params != params


def test_the_same_seed_gives_the_same_parameters_and_values(lab: Lab) -> None:
    shared = lab.study(12, sampler="tpe", pruner="asha-stop", seed=7)
    lab.work()
    first = [(trial.params, trial.intermediate_values) for trial in shared.study.get_trials()]
    import optuna

    optuna.delete_study(study_name="study", storage=shared.trials.storage)
    again = lab.study(12, sampler="tpe", pruner="asha-stop", seed=7)
    lab.work()
    assert [(trial.params, trial.intermediate_values) for trial in again.study.get_trials()] == first


def test_a_worker_whose_study_is_deleted_ends_with_the_reason(lab: Lab) -> None:
    import optuna

    from storage.errors import StudyNotFound

    shared = lab.study(3)
    context = lab.context()
    optuna.delete_study(study_name="study", storage=shared.trials.storage)
    with pytest.raises(StudyNotFound, match="deleted"):
        lab.work(context)


@pytest.mark.parametrize("step", ["try_claim", "record_epoch", "finish", "confirm"])
def test_a_worker_leaves_the_study_alone_that_took_the_number_of_its_own(step: str, lab: Lab) -> None:
    import optuna

    from storage.errors import StudyNotFound

    shared = lab.study(2, pruner="asha-stop")
    context = lab.context()
    whole = getattr(context.shared.ledger, step)
    others = list[SharedStudy]()

    def replace_study_after(*arguments: Any, **named: Any) -> Any:
        done = whole(*arguments, **named)
        if not others:
            optuna.delete_study(study_name=shared.name, storage=shared.trials.storage)
            others.append(lab.study(3, space="optimizer"))
            others[0].study.ask()  # a trial of the same number as the worker's
        return done

    setattr(context.shared.ledger, step, replace_study_after)
    with pytest.raises(StudyNotFound, match="deleted"):
        lab.work(context)
    (other,) = others
    (trial,) = other.study.get_trials()
    assert other.study_id == shared.study_id
    assert (trial.state.name, trial.params, trial.user_attrs) == ("RUNNING", {}, {})
    assert trial.intermediate_values == {}
    assert other.ledger.counts().waiting == 3


@pytest.mark.parametrize("step", ["try_claim", "record_epoch", "finish", "confirm"])
def test_a_worker_notices_the_deletion_of_its_study_whatever_it_is_doing(step: str, lab: Lab) -> None:
    import optuna

    from storage.errors import StudyNotFound

    shared = lab.study(2, pruner="asha-stop")
    context = lab.context()
    whole = getattr(context.shared.ledger, step)

    def delete_after(*arguments: Any, **named: Any) -> Any:
        done = whole(*arguments, **named)
        if shared.name in optuna.get_all_study_names(shared.trials.storage):
            optuna.delete_study(study_name=shared.name, storage=shared.trials.storage)
        return done

    setattr(context.shared.ledger, step, delete_after)
    with pytest.raises(StudyNotFound, match="deleted"):
        lab.work(context)
