"""The ledger: one slot, one result, any number of attempts.

A slot is one of the study's ordered trials: waiting, then leased to a worker, then done. Every claim increments the
slot's token; a write with an older one is refused (LeaseLost), in the same transaction. Leases use the database's
clock. No call retries: a database that fails raises StorageUnreachable. If the connection is lost during a commit, the
call can be repeated: all calls but claims are idempotent (a repeated claim leaves a lease behind that expires).
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from spaces.epoch_scores import EpochScores
from storage import rows
from storage.claiming import claim_at_once, claim_in_steps
from storage.closing import end_if_met, read_rule
from storage.epoch_report import Stored, TrialScore, is_held, report_at_once, report_in_steps
from storage.errors import LeaseLost
from storage.news import tell_of_work
from storage.orders import Orders
from storage.records import Lease, Outcome, Unclaimed
from storage.study_lock import holding_study
from storage.tables import database_now, is_open, manifests, slots
from storage.transaction import at_once, looking_at_once, writing
from storage.trial_rows import lock_numbers

log = logging.getLogger(__name__)

# From a slot's lease and those of others: makes the trials, and returns their numbers by slot.
MakeTrials = Callable[[Connection, Lease, Sequence[Lease]], Mapping[int, int]]
BOUND_AT_ONCE = 200


class Ledger(Orders):
    """The slots of one study: reads for everyone, writes for the holder of a lease."""

    def claim(self, worker_id: str, lease_s: float) -> Lease | None:
        """The lease that `try_claim` gives, None if there is none to be had.

        Raises:
            StudyNotFound: the study was deleted.
        """
        found = self.try_claim(worker_id, lease_s)
        return found if isinstance(found, Lease) else None

    def try_claim(self, worker_id: str, lease_s: float) -> Lease | Unclaimed:
        """Leases the first slot that is waiting, or whose lease has expired, for `lease_s` seconds.

        If there is no such slot, or the study is stopped or has ended, it says what is left to do. Slots with several
        expired leases since their last new epoch come after all others, those with the fewest first, so that a trial
        that kills its workers doesn't hold up the others. One that has lost its first worker is continued at once.

        Raises:
            StudyNotFound: the study was deleted.
        """
        if self._engine.dialect.name == "postgresql":
            with at_once(self._engine) as connection:
                claim = claim_at_once(connection, self._study, worker_id, lease_s)
            if not claim.ended:
                return claim.result
        with writing(self._engine) as connection:
            return claim_in_steps(connection, self._study, worker_id, lease_s).result

    def renew(self, lease: Lease, lease_s: float) -> None:
        """Makes the lease last `lease_s` seconds from now. An expired one whose slot wasn't claimed since is still
        held.

        Raises:
            LeaseLost: another worker holds the slot, or it was released or finished.
        """
        with at_once(self._engine) as connection:
            held = sa.update(slots).where(*is_held(self._study, lease), self._study.is_there())
            if connection.execute(held.values(lease_expires_at=database_now() + lease_s)).rowcount == 0:
                require_held(self._read(connection, self._of_slot(lease.slot), lease), lease)

    def bind(self, lease: Lease, make: MakeTrials, *, with_others: bool = False) -> int | None:
        """The number of the slot's trial. If it has none yet, `make` creates one on the given connection, and
        `with_others` those of other workers' slots, too: trials are created and bound, or neither. None if another
        process is creating some, perhaps this one: try again. No slot is held while others create.

        Raises:
            LeaseLost: as `renew`.
        """
        with writing(self._engine) as connection:
            if not lock_numbers(connection, self._study_id):
                return self._bound(connection, lease)
            unbound = {row.number: row for row in connection.execute(self._unbound(lease, with_others))}
            own = unbound.get(lease.slot)
            if own is None or not is_holder(own, lease):
                return self._bound(connection, lease)
            others = [as_other_lease(row, lease.lease_s) for slot, row in unbound.items() if slot != lease.slot]
            numbers = make(connection, lease, others)
            self._store_trials(connection, numbers)
        return numbers[lease.slot]

    def bound(self, lease: Lease) -> int | None:
        """The number of the slot's trial, None if it has none yet: one statement, as hundreds may wait for theirs.

        Raises:
            LeaseLost: as `renew`.
        """
        with at_once(self._engine) as connection:
            return self._bound(connection, lease)

    def _bound(self, connection: Connection, lease: Lease) -> int | None:
        """The number of the slot's trial, if it has one."""
        row = self._read(connection, self._of_slot(lease.slot), lease)
        require_held(row, lease)
        number: int | None = row.trial_number
        return number

    def _unbound(self, lease: Lease, with_others: bool) -> sa.Select[Any]:
        """The query for the lease's slot, and those of others, that have no trial, except those in use just now."""
        own = sa.and_(*self._key(lease.slot), slots.c.token == lease.token, slots.c.worker_id == lease.worker_id)
        chosen = sa.and_(slots.c.study_id == self._study_id, is_open) if with_others else own
        unbound = (slots.c.state == "leased", slots.c.trial_number.is_(None), self._study.is_there())
        query = sa.select(slots).where(chosen, *unbound).order_by(sa.not_(own), slots.c.number)
        return query.limit(BOUND_AT_ONCE).with_for_update(of=slots, skip_locked=True)

    def _store_trials(self, connection: Connection, numbers: Mapping[int, int]) -> None:
        of_slot = sa.case(numbers, value=slots.c.number)
        mine = slots.c.study_id == self._study_id, slots.c.number.in_(numbers)
        connection.execute(sa.update(slots).where(*mine).values(trial_number=of_slot))

    @contextlib.contextmanager
    def holding(self, lease: Lease) -> Iterator[Connection]:
        """A transaction during which no other worker can take over the slot.

        Raises:
            LeaseLost: as `renew`.
        """
        with writing(self._engine) as connection:
            self._held(connection, lease)
            yield connection

    def record_epoch(self, lease: Lease, epoch: EpochScores, score: TrialScore | None = None) -> bool:
        """Stores an epoch of the slot's trial; false if it is stored already. A new one resets the counts of failures
        and expired leases. The lease is renewed, and the trial gets its `score` for Optuna, all at once.

        Raises:
            LeaseLost: as `renew`.
            ValueError: the slot has no trial yet.
        """
        stored = self._report_at_once(lease, epoch, score) or self._report(lease, epoch, score)
        if not stored.told:
            log.warning(
                "the trial of slot %d was ended by another program: the ledger alone has its epochs", lease.slot
            )
        return stored.new

    def _report_at_once(self, lease: Lease, epoch: EpochScores, score: TrialScore | None) -> Stored | None:
        """What came of the report in one statement; None if that isn't possible, or the lease isn't held."""
        if self._engine.dialect.name != "postgresql":
            return None
        with at_once(self._engine) as connection:
            stored = report_at_once(connection, self._study, lease, epoch, score)
        return stored if stored.held else None

    def _report(self, lease: Lease, epoch: EpochScores, score: TrialScore | None) -> Stored:
        with writing(self._engine) as connection:
            trial_number = self._held(connection, lease).trial_number
            if trial_number is None:
                raise ValueError(f"slot {lease.slot} has no trial: bind one before recording its epochs")
            return report_in_steps(connection, self._study, lease, trial_number, epoch, score)

    def finish(self, lease: Lease, outcome: Outcome) -> None:
        """Stores the slot's only result: the slot is done, and `tell` and `confirm` remain. If it meets the study's
        rule, the search has ended with it.

        Raises:
            LeaseLost: as `renew`; not if this same lease has finished the slot before.
        """
        if self._finish_at_once(lease, outcome):
            return
        with looking_at_once(self._engine) as connection:
            rule = read_rule(connection, self._study_id)
        if rule is None:
            with writing(self._engine) as connection:
                self._finish(connection, lease, outcome)
            return
        # Of two results at once, the second sees the first. The study is locked first, as where it ends.
        with holding_study(self._engine, self._study) as connection:
            if self._finish(connection, lease, outcome) and (rule := read_rule(connection, self._study_id)) is not None:
                end_if_met(connection, self._study_id, rule)

    def _finish_at_once(self, lease: Lease, outcome: Outcome) -> bool:
        """Whether the result is stored in one statement. It isn't if a rule may end the search with it, or if the lease
        isn't held.
        """
        no_rule = self._study.query(manifests.c.study_id).where(manifests.c.ending.is_(None)).exists()
        held = sa.update(slots).where(*is_held(self._study, lease), no_rule)
        with at_once(self._engine) as connection:
            return connection.execute(held.values(done(outcome))).rowcount == 1

    def _finish(self, connection: Connection, lease: Lease, outcome: Outcome) -> bool:
        """Stores the result; false if this same lease has stored it before."""
        row = self._locked(connection, lease)
        if row.state == "done" and is_holder(row, lease):
            return False
        require_held(row, lease)
        self._update(connection, lease.slot, **done(outcome))
        return True

    def confirm(self, slot: int) -> None:
        """Records that Optuna was told the result of a done slot.

        Raises:
            StudyNotFound: the study was deleted.
        """
        done = sa.update(slots).where(*self._key(slot), slots.c.outcome.is_not(None), self._study.is_there())
        with at_once(self._engine) as connection:
            if connection.execute(done.values(confirmed=True)).rowcount == 0:
                self._study.require(connection)

    def release(self, lease: Lease, *, failure: str | None = None) -> int:
        """Releases the slot; returns how many attempts in a row have failed.

        `failure` is the reason why this one did; without it the release doesn't count as a failure.

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
            tell_of_work(connection, self._study)
        return failures

    def _held(self, connection: Connection, lease: Lease) -> Row[Any]:
        row = self._locked(connection, lease)
        require_held(row, lease)
        return row

    def _locked(self, connection: Connection, lease: Lease) -> Row[Any]:
        return self._read(connection, self._of_slot(lease.slot).with_for_update(of=slots), lease)

    def _read(self, connection: Connection, query: sa.Select[Any], lease: Lease) -> Row[Any]:
        row = connection.execute(query).one_or_none()
        if row is None:
            raise LeaseLost(f"slot {lease.slot} is gone: the search has ended, or its study was deleted")
        return row

    def _of_slot(self, slot: int) -> sa.Select[Any]:
        return sa.select(slots).where(*self._key(slot), self._study.is_there())

    def _update(self, connection: Connection, slot: int, **values: Any) -> None:
        connection.execute(sa.update(slots).where(*self._key(slot)).values(**values))

    def _key(self, slot: int) -> tuple[sa.ColumnElement[bool], ...]:
        return slots.c.study_id == self._study_id, slots.c.number == slot


def as_other_lease(row: Row[Any], lease_s: float) -> Lease:
    """The lease under which another worker holds a slot, from its row."""
    return rows.as_lease(row, {"token": row.token, "worker_id": row.worker_id}, lease_s)


def done(outcome: Outcome) -> dict[str, Any]:
    """The columns of a slot that its result changes."""
    return {"state": "done", "lease_expires_at": None, **rows.outcome_values(outcome)}


def is_holder(row: Row[Any], lease: Lease) -> bool:
    """Whether the slot's last claim is the one that gave this lease.

    The worker is compared too: a study that was deleted and created again has the same slots, with tokens from the
    start.
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
