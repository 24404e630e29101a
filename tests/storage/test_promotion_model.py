"""Whatever workers do, in whatever order: every trial of a study with promotion has one result, and the best go on."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storage.errors import LeaseLost
from storage.records import Lease, Outcome, SlotOrder
from storage.rungs import Rungs
from storage.study import create_study
from storage.tables import rungs as rungs_table
from storage.testkit import LEASE_S, bound, example_epoch, example_manifest, expire
from storage.transaction import reading

RUNGS = Rungs((1, 3), "maximize")
EPOCHS = 5
WORKERS = ("ann", "ben", "eve")


def value_at(slot: int, epoch: int) -> float:
    """The value of a trial after an epoch: whatever, but always the same, and sometimes as that of another."""
    return hashlib.sha256(f"{slot} {epoch}".encode()).digest()[0] % 7 / 7


@dataclass
class Model:
    """What the workers have done: the lease that each works under, and the epochs that each attempt has trained."""

    at_work: dict[str, Lease] = field(default_factory=dict)
    stale: list[Lease] = field(default_factory=list)
    trained: Counter[tuple[int, int]] = field(default_factory=Counter)
    lost: Counter[int] = field(default_factory=Counter)
    failed: int = 0
    n_trials: int = 0


class PromotionMachine(RuleBasedStateMachine):
    """Workers that claim, train, are lost, and come back late."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__()
        self.study = create_study(url, f"study-{number}", example_manifest(epochs=EPOCHS))
        self.model = Model()

    @initialize(n=st.integers(1, 8))
    def order(self, n: int) -> None:
        self.order_up_to(n)

    @precondition(lambda self: self.model.n_trials < 12)
    @rule(more=st.integers(1, 3))
    def extend(self, more: int) -> None:
        self.order_up_to(self.model.n_trials + more)

    @rule(worker=st.sampled_from(WORKERS))
    def work(self, worker: str) -> None:
        """A worker takes a slot, or trains one more epoch of that which it has."""
        if worker in self.model.at_work:
            self.train(worker)
        else:
            self.take(worker)

    @precondition(lambda self: self.model.at_work)
    @rule(data=st.data())
    def a_worker_is_killed(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.model.at_work)))
        lease = self.model.at_work.pop(worker)
        self.model.stale.append(lease)
        self.model.lost[lease.slot] += 1
        expire(self.study, lease.slot)

    @precondition(lambda self: self.model.at_work)
    @rule(data=st.data())
    def a_trial_fails(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.model.at_work)))
        self.study.ledger.finish(self.model.at_work.pop(worker), Outcome("failed", None, "it crashed", "crash"))
        self.model.failed += 1

    @precondition(lambda self: self.model.stale)
    @rule(data=st.data())
    def a_killed_worker_was_only_suspended(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.model.stale))
        if self.study.ledger.slots()[lease.slot].token > lease.token:
            with pytest.raises(LeaseLost):
                self.study.promotion.advance(lease, RUNGS, 1, 1.0)

    @invariant()
    def no_more_than_a_third_of_a_rung_is_promoted(self) -> None:
        with reading(self.study.engine) as connection:
            rows = [row for row in connection.execute(rungs_table.select()) if row.study_id == self.study.study_id]
        for epoch in RUNGS.epochs:
            fates = [row.fate for row in rows if row.epoch == epoch]
            assert fates.count("promoted") <= len(fates) // 3

    @invariant()
    def no_trial_is_with_two_workers(self) -> None:
        slots = [lease.slot for lease in self.model.at_work.values()]
        assert len(slots) == len(set(slots))

    def teardown(self) -> None:
        """One worker after the other does what is left, and all is as promised."""
        for _ in range(1000):
            busy = [self.take_or_train(worker) for worker in WORKERS]
            if not any(busy):
                break
        counts, slots = self.study.ledger.counts(), self.study.ledger.slots()
        assert counts.finished == counts.total == self.model.n_trials
        assert counts.failed == self.model.failed
        assert counts.complete >= min(3, self.model.n_trials - self.model.failed)
        for (slot, epoch), times in self.model.trained.items():
            assert times <= 1 + self.model.lost[slot], f"epoch {epoch} of slot {slot} was trained {times} times"
        assert all(slot.outcome is not None for slot in slots)
        self.study.close()

    def order_up_to(self, n: int) -> None:
        self.study.ledger.order_up_to(n, order_of=SlotOrder)
        self.model.n_trials = max(n, self.model.n_trials)

    def take_or_train(self, worker: str) -> bool:
        if worker in self.model.at_work:
            self.train(worker)
            return True
        return self.take(worker)

    def take(self, worker: str) -> bool:
        """What a worker does between two trials; whether it has found one."""
        lease = self.study.promotion.resume(worker, LEASE_S, RUNGS) or self.study.ledger.claim(worker, LEASE_S)
        if lease is None:
            for done in self.study.promotion.close(RUNGS):
                self.study.ledger.confirm(done.slot)
            return False
        assert lease.slot not in [other.slot for other in self.model.at_work.values()]
        self.model.at_work[worker] = bound(self.study.ledger, lease, lease.slot)
        return True

    def train(self, worker: str) -> None:
        """Trains the epoch after the last that is on record, as a checkpoint has it, or judges that as before."""
        lease = self.model.at_work[worker]
        recorded = len(self.study.ledger.epochs(lease.slot))
        if recorded and not self.advances(lease, recorded):
            del self.model.at_work[worker]
            return
        self.model.trained[lease.slot, recorded + 1] += 1
        assert self.study.ledger.record_epoch(lease, example_epoch(recorded + 1))
        if recorded + 1 == EPOCHS:
            self.study.ledger.finish(self.model.at_work.pop(worker), Outcome("complete", value_at(lease.slot, EPOCHS)))
        elif not self.advances(lease, recorded + 1):
            del self.model.at_work[worker]

    def advances(self, lease: Lease, epoch: int) -> bool:
        value = value_at(lease.slot, epoch)
        return epoch not in RUNGS.epochs or self.study.promotion.advance(lease, RUNGS, epoch, value)


def test_every_trial_has_one_result_and_the_best_go_on(storage_url: str) -> None:
    numbers = iter(range(10_000))

    class OnThisStorage(PromotionMachine):
        def __init__(self) -> None:
            super().__init__(storage_url, next(numbers))

    run_state_machine_as_test(
        OnThisStorage,
        settings=settings(
            max_examples=6, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
