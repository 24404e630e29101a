"""The ledger does what a ledger in a few dictionaries does, whatever workers do to it in whatever order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import optuna
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
from optuna.storages import RDBStorage
from sqlalchemy.exc import IntegrityError

from storage import registry
from storage.engine import opened
from storage.errors import LeaseLost
from storage.ledger import Ledger
from storage.records import Lease, Outcome, OutcomeState, SlotCounts, SlotOrder, SlotRow
from storage.testkit import LEASE_S, bound, example_epoch, example_manifest, expire_slot, leases_left_s
from storage.url import parse

WORKERS = st.sampled_from(["ann", "ben", "eve"])
OUTCOMES: dict[OutcomeState, float | None] = {
    "complete": 0.9,
    "pruned": 0.1,
    "diverged": None,
    "infeasible": None,
    "failed": None,
}


@dataclass
class Slot:
    """What the model knows of a slot."""

    state: str = "waiting"
    token: int = 0
    worker_id: str | None = None
    expired: bool = False
    trial_number: int | None = None
    failures: int = 0
    expiries: int = 0
    last_failure: str | None = None
    epochs: dict[int, int] = field(default_factory=dict)  # of the trial: epoch -> token that recorded it
    outcome: Outcome | None = None
    confirmed: bool = False

    @property
    def claimable(self) -> bool:
        return self.state == "waiting" or (self.state == "leased" and self.expired)

    def gave(self, lease: Lease) -> bool:
        return (self.token, self.worker_id) == (lease.token, lease.worker_id)

    def holds(self, lease: Lease) -> bool:
        return self.state == "leased" and self.gave(lease)


class LedgerMachine(RuleBasedStateMachine):
    """Random calls on the ledger of a new study of `storage`, each next to the same on the model."""

    def __init__(self, storage: RDBStorage) -> None:
        super().__init__()
        self.storage = storage
        self.slots: list[Slot] = []
        self.leases: list[Lease] = []  # every one that was ever given, most of them worthless by now
        self.finished: list[int] = []
        self.stopped = False

    @initialize()
    def a_new_study(self) -> None:
        study = optuna.create_study(storage=self.storage, direction="maximize")
        key = registry.store_manifest(self.storage, study.study_name, example_manifest())
        self.study_id = key.study_id
        self.ledger = Ledger(self.storage.engine, key)

    @rule(n=st.integers(1, 2))
    def order(self, n: int) -> None:
        assert self.ledger.order_up_to(len(self.slots) + n, order_of=SlotOrder) == n
        self.slots += [Slot() for _ in range(n)]

    @rule(n=st.integers(0, 4))
    def order_up_to(self, n: int) -> None:
        missing = max(0, n - len(self.slots))
        assert self.ledger.order_up_to(n, order_of=SlotOrder) == missing
        self.slots += [Slot() for _ in range(missing)]

    @rule(worker_id=WORKERS)
    def claim(self, worker_id: str) -> None:
        lease = self.ledger.claim(worker_id, LEASE_S)
        claimable = [(slot.expiries, n) for n, slot in enumerate(self.slots) if slot.claimable]
        number = min(claimable)[1] if claimable else None
        if self.stopped or number is None:
            assert lease is None
            return
        slot = self.slots[number]
        if slot.state == "leased":
            slot.expiries += 1
            slot.last_failure = f"the lease of worker {slot.worker_id} expired"
        slot.state, slot.token, slot.worker_id, slot.expired = "leased", slot.token + 1, worker_id, False
        assert lease is not None
        assert (lease.slot, lease.token, lease.worker_id) == (number, slot.token, worker_id)
        assert (lease.trial_number, lease.failures) == (slot.trial_number, slot.failures)
        assert (lease.expiries, lease.last_failure) == (slot.expiries, slot.last_failure)
        self.leases.append(lease)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def a_worker_falls_silent(self, data: st.DataObject) -> None:
        """Killed, stopped or cut off: its lease runs out, and what it does later comes late."""
        lease = self.pick(data)
        if self.slots[lease.slot].holds(lease):
            self.slots[lease.slot].expired = True
            expire_slot(self.storage.engine, self.study_id, lease.slot)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        lease = self.pick(data)
        if not self.slots[lease.slot].holds(lease):
            with pytest.raises(LeaseLost):
                self.ledger.renew(lease, LEASE_S)
            return
        self.ledger.renew(lease, LEASE_S)
        self.slots[lease.slot].expired = False

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), trial_number=st.integers(0, 4))
    def bind(self, data: st.DataObject, trial_number: int) -> None:
        lease = self.pick(data)
        slot = self.slots[lease.slot]
        taken = any(other.trial_number == trial_number for other in self.slots if other is not slot)
        if not slot.holds(lease):
            with pytest.raises(LeaseLost):
                bound(self.ledger, lease, trial_number)
        elif slot.trial_number is None and taken:
            with pytest.raises(IntegrityError):
                bound(self.ledger, lease, trial_number)
        else:
            if slot.trial_number is None:
                slot.trial_number = trial_number
            assert bound(self.ledger, lease, trial_number).trial_number == slot.trial_number

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), epoch=st.integers(1, 3))
    def record_epoch(self, data: st.DataObject, epoch: int) -> None:
        lease = self.pick(data)
        slot = self.slots[lease.slot]
        if not slot.holds(lease):
            with pytest.raises(LeaseLost):
                self.ledger.record_epoch(lease, example_epoch(epoch))
        elif slot.trial_number is None:
            with pytest.raises(ValueError, match="bind one"):
                self.ledger.record_epoch(lease, example_epoch(epoch))
        else:
            new = epoch not in slot.epochs
            assert self.ledger.record_epoch(lease, example_epoch(epoch)) == new
            slot.expired = False
            if new:
                slot.epochs[epoch] = lease.token
                slot.failures, slot.expiries, slot.last_failure = 0, 0, None

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), state=st.sampled_from(sorted(OUTCOMES)))
    def finish(self, data: st.DataObject, state: OutcomeState) -> None:
        lease = self.pick(data)
        slot = self.slots[lease.slot]
        outcome = Outcome(state=state, value=OUTCOMES[state])
        if slot.holds(lease):
            self.ledger.finish(lease, outcome)
            slot.state, slot.outcome = "done", outcome
            self.finished.append(lease.slot)
        elif slot.state == "done" and slot.gave(lease):
            self.ledger.finish(lease, outcome)
        else:
            with pytest.raises(LeaseLost):
                self.ledger.finish(lease, outcome)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), failure=st.none() | st.just("out of memory"))
    def release(self, data: st.DataObject, failure: str | None) -> None:
        lease = self.pick(data)
        slot = self.slots[lease.slot]
        if slot.holds(lease):
            slot.state = "waiting"
            if failure:
                slot.failures, slot.last_failure = slot.failures + 1, failure
            assert self.ledger.release(lease, failure=failure) == slot.failures
        elif slot.state == "waiting" and slot.gave(lease):
            assert self.ledger.release(lease, failure=failure) == slot.failures
        else:
            with pytest.raises(LeaseLost):
                self.ledger.release(lease, failure=failure)

    @precondition(lambda self: self.slots)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.slots) - 1), "slot")
        self.ledger.confirm(number)
        self.slots[number].confirmed = self.slots[number].state == "done"

    @rule(stopped=st.booleans())
    def stop_or_resume(self, stopped: bool) -> None:
        if stopped:
            self.ledger.stop("enough")
        else:
            self.ledger.resume()
        self.stopped = stopped

    @invariant()
    def the_slots_are_those_of_the_model(self) -> None:
        if not hasattr(self, "ledger"):
            return
        found = self.ledger.slots()
        assert [seen(row) for row in found] == [seen(slot) for slot in self.slots]
        left = leases_left_s(self.storage.engine, self.study_id)
        expired = {number: slot.expired for number, slot in enumerate(self.slots) if slot.state == "leased"}
        assert {number: left_s < 0 for number, left_s in left.items()} == expired

    @invariant()
    def the_sums_are_those_of_the_model(self) -> None:
        if not hasattr(self, "ledger"):
            return
        assert self.ledger.counts() == count(self.slots)
        unconfirmed = [n for n, slot in enumerate(self.slots) if slot.state == "done" and not slot.confirmed]
        assert [done.slot for done in self.ledger.unconfirmed()] == unconfirmed
        assert sorted(done.slot for done in self.ledger.outcomes()) == sorted(self.finished)

    @invariant()
    def each_epoch_is_there_once(self) -> None:
        if not hasattr(self, "ledger"):
            return
        found = [(epoch.trial_number, epoch.scores.epoch, epoch.token) for epoch in self.ledger.all_epochs()]
        recorded = ((slot.trial_number, *item) for slot in self.slots for item in slot.epochs.items())
        assert found == sorted(recorded)

    def pick(self, data: st.DataObject) -> Lease:
        """Any lease ever given; more often than not, one that is worth something."""
        held = [lease for lease in self.leases if self.slots[lease.slot].holds(lease)]
        return data.draw(st.sampled_from(held) | st.sampled_from(self.leases) if held else st.sampled_from(self.leases))


def seen(slot: Slot | SlotRow) -> tuple[Any, ...]:
    """What the ledger's rows and the model both say of a slot."""
    held = (slot.state, slot.token, slot.worker_id, slot.trial_number)
    return (*held, slot.failures, slot.expiries, slot.last_failure, slot.outcome)


def count(slots: list[Slot]) -> SlotCounts:
    """How many slots of the model are in which state."""
    kinds = [slot.outcome.state if slot.outcome else slot.state for slot in slots]
    return SlotCounts(total=len(kinds), **{kind: kinds.count(kind) for kind in set(kinds)})


@pytest.fixture
def storage(storage_url: str) -> Iterator[RDBStorage]:
    with opened(parse(storage_url), create=True) as storage:
        pass
    yield storage
    storage.engine.dispose()


def test_the_ledger_agrees_with_its_model(storage: RDBStorage) -> None:
    class OnThisStorage(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(storage)

    run_state_machine_as_test(
        OnThisStorage,
        settings=settings(
            max_examples=25, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
