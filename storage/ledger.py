"""The ledger: one slot, one result, any number of attempts.

A slot is one trial that the study shall hold: waiting, then leased to a worker, then done. Every claim raises the
slot's token; whoever comes with an older one is refused (LeaseLost), in the same transaction as the write it wants.
Leases run by the database's clock. No call retries: a database that fails raises StorageUnreachable. When a commit's
answer is lost with the connection, the call can be repeated: all but `claim` and `order` then change nothing twice
(a claim repeated leaves a lease behind that expires).
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from spaces.epoch_scores import EpochScores
from storage import rows
from storage.errors import AlreadyBound, LeaseLost
from storage.identity import deleted
from storage.records import Lease, Outcome, SlotOrder
from storage.tables import database_now, epochs, is_open, manifests, slots
from storage.transaction import writing
from storage.view import LedgerView

SMALL_STEP_S = 1.0  # by so much a clock that is kept in time may be set back, and leases only last longer


class Ledger(LedgerView):
    """The slots of one study: what may be read, and what whoever holds a lease may change."""

    def order(self, orders: Sequence[SlotOrder]) -> int:
        """Appends slots; returns how many."""
        with writing(self._engine) as connection:
            self._lock_study(connection)
            return self._append(connection, self._next_number(connection), orders)

    def order_up_to(self, n: int, order_of: Callable[[int], SlotOrder]) -> int:
        """Makes the study hold `n` slots, whoever else asks for that at the same time; returns how many were added.

        `order_of` gives the order of the slot with that number.
        """
        with writing(self._engine) as connection:
            self._lock_study(connection)
            first = self._next_number(connection)
            return self._append(connection, first, [order_of(number) for number in range(first, n)])

    def claim(self, worker_id: str, lease_s: float) -> Lease | None:
        """Leases the first slot that is waiting, or whose lease has expired, for `lease_s` seconds.

        None if there is no such slot, or the study is stopped. Slots with expired leases since their last new epoch
        come after all others, those with the fewest first: a trial that takes its workers down with it lets the others
        be done. One that has lost a worker for the first time is continued at once.

        Raises:
            StudyNotFound: the study was deleted.
        """
        with writing(self._engine) as connection:
            if self._stop_reason(connection) is not None:
                return None
            row = connection.execute(claimable(self._study_id, lease_s)).one_or_none()
            row = row or connection.execute(claimable_again(self._study_id, lease_s)).one_or_none()
            if row is None:
                return None
            changed = {"token": row.token + 1, "worker_id": worker_id, **expired_attempt(row)}
            self._update(connection, row.number, state="leased", lease_expires_at=database_now() + lease_s, **changed)
            return rows.as_lease(row, changed, lease_s)

    def renew(self, lease: Lease, lease_s: float) -> None:
        """Makes the lease last `lease_s` seconds from now. An expired one that nobody has claimed counts as held.

        Raises:
            LeaseLost: somebody else holds the slot, or it was released or finished.
        """
        with writing(self._engine) as connection:
            self._held(connection, lease)
            self._update(connection, lease.slot, lease_expires_at=database_now() + lease_s)

    def bind(self, lease: Lease, trial_number: int) -> Lease:
        """Makes the trial the slot's, for all its attempts; returns the lease with it.

        Raises:
            LeaseLost: as `renew`.
            AlreadyBound: the slot has another trial, or the trial another slot.
        """
        with writing(self._engine) as connection:
            bound = self._held(connection, lease).trial_number
            if bound is None:
                self._require_free(connection, trial_number)
                self._update(connection, lease.slot, trial_number=trial_number)
            elif bound != trial_number:
                raise AlreadyBound(f"slot {lease.slot} has trial {bound}, and can't have trial {trial_number} as well")
        return msgspec.structs.replace(lease, trial_number=trial_number)

    def bind_new(self, lease: Lease, make: Callable[[Connection], int]) -> int:
        """The number of the slot's trial. If it has none yet, `make` makes one on the connection that it gets, and
        gives its number: the trial is there and bound, or, whatever happens, neither.

        Raises:
            LeaseLost: as `renew`.
        """
        with writing(self._engine) as connection:
            bound: int | None = self._held(connection, lease).trial_number
            if bound is None:
                bound = make(connection)
                self._update(connection, lease.slot, trial_number=bound)
        return bound

    @contextlib.contextmanager
    def holding(self, lease: Lease) -> Iterator[Connection]:
        """A transaction until whose end nobody can take the slot over.

        Raises:
            LeaseLost: as `renew`.
        """
        with writing(self._engine) as connection:
            self._held(connection, lease)
            yield connection

    def record_epoch(self, lease: Lease, epoch: EpochScores) -> bool:
        """Stores an epoch of the slot's trial; false if that epoch is there already. A new one clears the failures
        and the expired leases.

        Raises:
            LeaseLost: as `renew`.
            ValueError: the slot has no trial yet.
        """
        with writing(self._engine) as connection:
            trial_number = self._held(connection, lease).trial_number
            if trial_number is None:
                raise ValueError(f"slot {lease.slot} has no trial: bind one before recording its epochs")
            key = {"study_id": self._study_id, "trial_number": trial_number}
            found = sa.select(epochs.c.epoch).filter_by(**key, epoch=epoch.epoch)
            if connection.scalar(found) is not None:
                return False
            connection.execute(sa.insert(epochs).values(**key, **rows.epoch_values(epoch, lease.token)))
            self._update(connection, lease.slot, failures=0, expiries=0, last_failure=None)
        return True

    def finish(self, lease: Lease, outcome: Outcome) -> None:
        """Gives the slot its one result: from here on it is done, and its trial remains to be told and confirmed.

        Raises:
            LeaseLost: as `renew`; not if this same lease has finished the slot before.
        """
        with writing(self._engine) as connection:
            row = self._locked(connection, lease)
            if row.state == "done" and is_holder(row, lease):
                return
            require_held(row, lease)
            self._update(connection, lease.slot, state="done", lease_expires_at=None, **rows.outcome_values(outcome))

    def confirm(self, slot: int) -> None:
        """Notes that the trial of a done slot has been told.

        Raises:
            StudyNotFound: the study was deleted.
        """
        with writing(self._engine) as connection:
            self._study.require(connection)
            done = slots.c.outcome.is_not(None)
            connection.execute(sa.update(slots).where(*self._key(slot), done).values(confirmed=True))

    def release(self, lease: Lease, *, failure: str | None = None) -> int:
        """Gives the slot back at once; returns how many attempts in a row have failed.

        `failure` says why this one did; without it, the worker leaves in good order, and nothing counts.

        Raises:
            LeaseLost: as `renew`; not if this same lease has released the slot before.
        """
        with writing(self._engine) as connection:
            row = self._locked(connection, lease)
            if row.state == "waiting" and is_holder(row, lease):
                return int(row.failures)
            require_held(row, lease)
            failures = int(row.failures) + (failure is not None)
            self._update(
                connection,
                lease.slot,
                state="waiting",
                lease_expires_at=None,
                failures=failures,
                last_failure=failure or row.last_failure,
            )
        return failures

    def stop(self, reason: str) -> None:
        """Lets nobody claim any more, until `resume`; leases run on. An earlier reason stands.

        Raises:
            StudyNotFound: the study was deleted.
        """
        with writing(self._engine) as connection:
            self._lock_study(connection)
            if self._stop_reason(connection) is None:
                self._update_study(connection, stop_reason=reason)

    def resume(self) -> None:
        """Lets workers claim again.

        Raises:
            StudyNotFound: the study was deleted.
        """
        with writing(self._engine) as connection:
            self._lock_study(connection)
            self._update_study(connection, stop_reason=None)

    def _held(self, connection: Connection, lease: Lease) -> Row[Any]:
        row = self._locked(connection, lease)
        require_held(row, lease)
        return row

    def _locked(self, connection: Connection, lease: Lease) -> Row[Any]:
        query = sa.select(slots).where(*self._key(lease.slot), self._study.is_there()).with_for_update(of=slots)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise LeaseLost(f"slot {lease.slot} is gone: its study was deleted")
        return row

    def _require_free(self, connection: Connection, trial_number: int) -> None:
        """The lock makes those who bind the same trial at once come one by one."""
        self._lock_study(connection)
        query = sa.select(slots.c.number).filter_by(study_id=self._study_id, trial_number=trial_number)
        other = connection.scalar(query)
        if other is not None:
            raise AlreadyBound(f"trial {trial_number} is that of slot {other}")

    def _next_number(self, connection: Connection) -> int:
        query = sa.select(sa.func.coalesce(sa.func.max(slots.c.number) + 1, 0))
        return int(connection.scalar(query.where(slots.c.study_id == self._study_id)) or 0)

    def _append(self, connection: Connection, first: int, orders: Sequence[SlotOrder]) -> int:
        values = [
            {"study_id": self._study_id, "number": number, **rows.order_values(order)}
            for number, order in enumerate(orders, first)
        ]
        if values:
            connection.execute(sa.insert(slots), values)
        return len(values)

    def _lock_study(self, connection: Connection) -> None:
        query = self._study.query(manifests.c.study_id).with_for_update(of=manifests)
        if connection.scalar(query) is None:
            raise deleted()

    def _update(self, connection: Connection, slot: int, **values: Any) -> None:
        connection.execute(sa.update(slots).where(*self._key(slot)).values(**values))

    def _update_study(self, connection: Connection, **values: Any) -> None:
        connection.execute(sa.update(manifests).where(manifests.c.study_id == self._study_id).values(**values))

    def _key(self, slot: int) -> tuple[sa.ColumnElement[bool], ...]:
        return slots.c.study_id == self._study_id, slots.c.number == slot


def claimable(study_id: int, lease_s: float | None = None) -> sa.Select[Any]:
    """The query for the slot that comes next, of those without expired leases before the last one; on Postgres it
    passes by those that others are claiming just now. `lease_s` is how long the study's leases are; None is any length.
    """
    return free_slots(study_id, lease_s).where(slots.c.expiries == 0).order_by(slots.c.number)


def claimable_again(study_id: int, lease_s: float | None = None) -> sa.Select[Any]:
    """As `claimable`, of the slots with earlier expired leases."""
    return free_slots(study_id, lease_s).where(slots.c.expiries > 0).order_by(slots.c.expiries, slots.c.number)


def free_slots(study_id: int, lease_s: float | None) -> sa.Select[Any]:
    """The query for one slot that is waiting or whose lease has expired."""
    free = sa.or_(slots.c.state == "waiting", *expired(lease_s))
    query = sa.select(slots).where(slots.c.study_id == study_id, is_open, free)
    return query.limit(1).with_for_update(skip_locked=True)


def expired(lease_s: float | None) -> Iterator[sa.ColumnElement[bool]]:
    """Each of the ways in which a lease has expired.

    One that ends later than a new one would is of a time before the database's clock was set back. Its worker may be
    dead, and if it isn't, it loses an epoch.
    """
    yield slots.c.lease_expires_at <= database_now()
    if lease_s is not None:
        yield slots.c.lease_expires_at > database_now() + lease_s + SMALL_STEP_S


def is_holder(row: Row[Any], lease: Lease) -> bool:
    """Whether the slot's last claim is the one that gave this lease.

    The worker counts as well: a study that was deleted and made again has the same slots, and starts its tokens anew.
    """
    return bool(row.token == lease.token and row.worker_id == lease.worker_id)


def require_held(row: Row[Any], lease: Lease) -> None:
    """Raises LeaseLost unless the slot is leased, and by this lease."""
    if not is_holder(row, lease):
        raise LeaseLost(
            f"slot {lease.slot} was taken over (token {row.token}, by {row.worker_id}): "
            f"what {lease.worker_id} does with token {lease.token} no longer counts"
        )
    if row.state != "leased":
        raise LeaseLost(f"slot {lease.slot} is {row.state}: {lease.worker_id} holds it no longer")


def expired_attempt(row: Row[Any]) -> dict[str, Any]:
    """What a claim writes about the attempt before it, whose lease is still there if it never said goodbye. That the
    worker was killed or cut off says little about the trial, so it isn't counted among the failures.
    """
    if row.state != "leased":
        return {}
    return {"expiries": row.expiries + 1, "last_failure": f"the lease of worker {row.worker_id} expired"}
