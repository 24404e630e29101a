"""The part of the storage's contract that is about studies which take the number of deleted ones."""

from collections.abc import Callable

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from storage.errors import LeaseLost, StudyNotFound
from storage.ledger import Ledger
from storage.records import Lease, SlotOrder, WorkerInfo
from storage.study import SharedStudy, create_study
from storage.testkit import (
    COMPLETE,
    HIGHER,
    LEASE_S,
    bound,
    claimed,
    everything,
    example_epoch,
    example_manifest,
    plain_client,
    reuse_numbers,
)


def attempts_of_a_stale_worker(study: SharedStudy, lease: Lease) -> list[Callable[[], object]]:
    """Everything that a worker of a deleted study may still try to write: each would fit the study of its number."""
    ledger, trials, storage, trial_id = study.ledger, study.trials.fenced, study.trials.storage, study.trials.ids[0]
    return [
        lambda: ledger.order_up_to(9, order_of=SlotOrder),
        lambda: ledger.claim("worker", LEASE_S),
        lambda: ledger.renew(lease, LEASE_S),
        lambda: bound(ledger, lease, 0),
        lambda: ledger.record_epoch(lease, example_epoch()),
        lambda: ledger.finish(lease, COMPLETE),
        lambda: ledger.release(lease),
        lambda: ledger.confirm(lease.slot),
        lambda: ledger.stop("enough"),
        ledger.resume,
        lambda: trials.create(lease, lambda _: create_trial(state=TrialState.RUNNING)),
        lambda: trials.set_params(lease, 0, [], {"a": 1}),
        lambda: trials.annotate(0, {"a": 1}),
        lambda: study.study.tell(0, 0.5),
        lambda: study.study.set_user_attr("test_score", 1),
        lambda: storage.set_trial_intermediate_value(trial_id, 1, 0.5),
        lambda: storage.set_trial_user_attr(trial_id, "a", 1),
        lambda: storage.set_trial_system_attr(trial_id, "a", 1),
        lambda: study.workers.register(WorkerInfo("worker", "host", 1)),
        lambda: study.workers.beat("worker", slot=1),
        lambda: study.workers.leave("worker", "told to"),
    ]


class IdentityContract:
    """Tests to inherit. They ask for `storage_url`, a `study` in it, and its `ledger` with three slots."""

    def test_a_study_that_gets_the_number_of_a_deleted_one_gets_nothing_else_from_its_workers(
        self, study: SharedStudy, ledger: Ledger, storage_url: str
    ) -> None:
        lease = bound(ledger, claimed(ledger), study.study.ask().number)
        study.workers.register(WorkerInfo("worker", "host", 1))
        attempts = attempts_of_a_stale_worker(study, lease)
        with plain_client(storage_url) as plain:
            optuna.delete_study(study_name="demo", storage=plain)
        reuse_numbers(study.engine)
        with create_study(storage_url, "other", example_manifest(space="another")) as other:
            other.study.ask()
            other.ledger.order_up_to(3, order_of=SlotOrder)
            other_lease = bound(other.ledger, claimed(other.ledger), 0)
            assert (other.study_id, other_lease.token) == (study.study_id, lease.token)
            before = everything(other)
            for attempt in attempts:
                with pytest.raises((LeaseLost, StudyNotFound), match="deleted"):
                    attempt()
            assert everything(other) == before

    def test_a_record_that_optuna_misses_is_that_of_a_deleted_study(self, study: SharedStudy, storage_url: str) -> None:
        number = study.study.ask().number
        with plain_client(storage_url) as plain:
            optuna.delete_study(study_name="demo", storage=plain)
        asked: list[Callable[[], object]] = [
            lambda: study.study.ask(),
            lambda: study.study.tell(number, 0.5),
            lambda: study.trials.get(number),
        ]
        for ask in asked:
            with pytest.raises(StudyNotFound, match="deleted"):
                ask()

    @pytest.mark.parametrize("others", ["search", "plain"])
    def test_a_view_of_a_deleted_study_never_shows_another(
        self, study: SharedStudy, ledger: Ledger, storage_url: str, others: str
    ) -> None:
        with plain_client(storage_url) as plain:
            optuna.delete_study(study_name="demo", storage=plain)
            reuse_numbers(study.engine)
            if others == "plain":
                optuna.create_study(study_name="demo", storage=plain)
        if others == "search":
            create_study(storage_url, "demo", example_manifest()).close()
        looks: list[Callable[[], object]] = [
            ledger.counts,
            ledger.slots,
            ledger.outcomes,
            lambda: ledger.best(HIGHER),
            ledger.unconfirmed,
            lambda: ledger.epochs(0),
            ledger.all_epochs,
            ledger.epoch_count,
            ledger.under_way,
            ledger.stop_reason,
            study.workers.all,
        ]
        for look in looks:
            with pytest.raises(StudyNotFound, match="deleted"):
                look()
