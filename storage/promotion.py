"""Promotion: trials are paused at rungs, and the best of those that are paused go on.

A trial that comes to a rung, an epoch after which trials are judged, goes on if it is better than all that are paused
there, and fewer than a third of those that have come there were promoted. Otherwise its slot is paused, and its worker
is free. As more trials come to the rung, more may be promoted: then a worker resumes the best paused one, before it
begins a new one. When no new trial is left, the best paused ones are trained to their end until enough are complete,
and the others end as pruned.

Promoting no more than a third in all, and not each that is in the top third at its moment, finds better trials in as
many epochs (benchmarks/replay.py).

Who goes on is decided here, from the ledger alone, in transactions that hold the study's lock: no two workers decide at
once, and the token of a resumed slot refuses the worker that had it before. Most need no lock to be told that nothing
goes on (storage/promotion_looks.py).
"""

from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from storage import rows
from storage.closing import close_paused, end_if_met, read_ended, read_rule
from storage.errors import LeaseLost
from storage.identity import StudyKey, deleted
from storage.ledger import is_holder, require_held
from storage.promotion_looks import is_past_rungs, may_close, may_resume, pause_at_once
from storage.records import FinishedSlot, Lease
from storage.rungs import Rungs
from storage.study_lock import holding_study, trying_to_hold
from storage.tables import database_now, is_open, is_unconfirmed, manifests, rungs, slots
from storage.transaction import at_once, looking_at_once

Fate = Literal["paused", "promoted", "finishing", "closed"]


class Promotion:
    """The paused slots of one study. Safe to use from several threads and processes.

    After the study is deleted, every call raises StudyNotFound or, under a lease, LeaseLost.
    """

    def __init__(self, engine: Engine, key: StudyKey) -> None:
        self._engine = engine
        self._study = key
        self._study_id = key.study_id

    def advance(self, lease: Lease, rule: Rungs, epoch: int, value: float | None) -> bool:
        """Whether the leased slot's trial, which has come to the rung at `epoch` with this value, goes on. If it
        doesn't, its slot is paused: the lease is over. May be repeated.

        Raises:
            LeaseLost: another worker holds the slot, or it was released or finished.
        """
        if self._engine.dialect.name == "postgresql":
            with at_once(self._engine) as connection:
                if pause_at_once(connection, self._study, lease, rule, epoch, rows.finite(value)):
                    return False
        with holding_study(self._engine, self._study) as connection:
            row = self._slot(connection, lease)
            if row.state != "leased" and is_holder(row, lease) and self._fate(connection, lease.slot, epoch):
                return False  # this call was repeated
            require_held(row, lease)
            if self._fate(connection, lease.slot, epoch) in ("promoted", "finishing"):
                return True
            self._note(connection, lease.slot, epoch, rows.finite(value))
            if self._goes_on(connection, rule, lease.slot, epoch):
                return True
            here = (slots.c.study_id == self._study_id, slots.c.number == lease.slot)
            connection.execute(sa.update(slots).where(*here).values(state="paused", lease_expires_at=None))
            ending = read_rule(connection, self._study_id)
            if ending is not None:
                end_if_met(connection, self._study_id, ending)
            return False

    def resume(self, worker_id: str, lease_s: float, rule: Rungs) -> Lease | None:
        """Leases, for `lease_s` seconds, the paused slot that is to go on next: one that is promoted, else one to
        finish, where no new trial is left. None if there is none, the study is stopped or has ended, or another process
        decides about its trials just now.

        Raises:
            StudyNotFound: the study was deleted.
        """
        with looking_at_once(self._engine) as connection:
            may = may_resume(connection, self._study, rule)
        if may is None:
            raise deleted()
        if not may:
            return None
        with trying_to_hold(self._engine, self._study) as connection:
            if connection is None or self._is_over(connection):
                return None
            chosen = self._next(connection, rule)
            if chosen is None:
                return None
            slot, fate = chosen
            self._set_fate(connection, slot, fate)
            here = (slots.c.study_id == self._study_id, slots.c.number == slot)
            row = connection.execute(sa.select(slots).where(*here).with_for_update()).one()
            changed = {"token": row.token + 1, "worker_id": worker_id}
            leased = {"state": "leased", "lease_expires_at": database_now() + lease_s}
            connection.execute(sa.update(slots).where(*here).values(**leased, **changed))
            return rows.as_lease(row, changed, lease_s)

    def close(self, rule: Rungs) -> list[FinishedSlot]:
        """Ends the trials that stay paused as pruned, once no trial is under way or to come, or the study is stopped.
        Returns those whose trial is yet to be told, also if another process has closed them.

        Raises:
            StudyNotFound: the study was deleted.
        """
        with looking_at_once(self._engine) as connection:
            found = may_close(connection, self._study)
        if found is None:
            raise deleted()
        if found.paused:
            with holding_study(self._engine, self._study) as connection:
                why = self._why_closed(connection, rule)
                if why is not None:
                    close_paused(connection, self._study_id, why)
        if not (found.paused or found.untold):
            return []
        unconfirmed = (is_unconfirmed, slots.c.kind == "paused")
        query = sa.select(slots).where(slots.c.study_id == self._study_id, *unconfirmed).order_by(slots.c.number)
        with looking_at_once(self._engine) as connection:
            return [rows.as_finished(row) for row in connection.execute(query)]

    def paused_at(self) -> list[float]:
        """When the trials that are paused now were, in Unix seconds by the database's clock."""
        query = sa.select(rungs.c.recorded_at).where(self._at(), rungs.c.fate == "paused")
        with looking_at_once(self._engine) as connection:
            return sorted(connection.scalars(query))

    def _goes_on(self, connection: Connection, rule: Rungs, slot: int, epoch: int) -> bool:
        """Whether a trial that was noted at a rung goes on from it; that it does is noted, too."""
        if self._is_finishing(connection, slot):
            fate: Fate = "finishing"
        elif self._promoted(connection, rule, epoch) == slot:
            fate = "promoted"
        elif self._to_finish(connection, rule, arrived=slot) == slot:
            fate = "finishing"
        else:
            return False
        self._set_fate(connection, slot, fate)
        return True

    def _next(self, connection: Connection, rule: Rungs) -> tuple[int, Fate] | None:
        """The paused slot that goes on next, from the last rung down, and why."""
        for epoch in reversed(rule.epochs):
            promoted = self._promoted(connection, rule, epoch)
            if promoted is not None:
                return promoted, "promoted"
        finishing = self._to_finish(connection, rule)
        return None if finishing is None else (finishing, "finishing")

    def _promoted(self, connection: Connection, rule: Rungs, epoch: int) -> int | None:
        """The best slot that is paused at a rung, if fewer than a third were promoted from there. It is in the top
        third then: whatever is better was promoted before.
        """
        best = self._best_paused(connection, rule, epoch)
        if best is None or best.value is None:
            return None
        promoted = sa.func.coalesce(sa.func.sum(sa.case((rungs.c.fate == "promoted", 1), else_=0)), 0)
        reached, before = connection.execute(sa.select(sa.func.count(), promoted).where(self._at(epoch))).one()
        return int(best.number) if before < rule.promoted_of(reached) else None

    def _to_finish(self, connection: Connection, rule: Rungs, arrived: int | None = None) -> int | None:
        """The best paused slot, if all trials but the one that has just `arrived` at a rung are paused, done, or past
        the last rung, and too few are complete or are sure to be. Those that came furthest are the best, among them
        those with the best value.
        """
        if not rule.epochs:
            return None
        sure = self._count(connection, slots.c.state == "leased", is_past_rungs(self._study, rule, slots.c.number))
        own = () if arrived is None else (slots.c.number != arrived,)
        if self._count(connection, is_open, slots.c.state != "paused", *own) > sure:
            return None
        last = connection.scalar(sa.select(sa.func.count()).where(self._at(rule.epochs[-1]))) or 0
        if self._count(connection, slots.c.outcome == "complete") + sure >= rule.completed_of(last):
            return None
        best = self._best_paused(connection, rule)
        return None if best is None else int(best.number)

    def _best_paused(self, connection: Connection, rule: Rungs, epoch: int | None = None) -> Row[Any] | None:
        """The number and value of the best slot that is paused at a rung, or at the last where any is."""
        value = rungs.c.value.desc() if rule.direction == "maximize" else rungs.c.value.asc()
        query: sa.Select[Any] = sa.select(rungs).where(self._at(epoch), rungs.c.fate == "paused")
        query = query.order_by(rungs.c.epoch.desc(), value.nulls_last(), rungs.c.number).limit(1)
        return connection.execute(query).one_or_none()

    def _why_closed(self, connection: Connection, rule: Rungs) -> str | None:
        """Why the trials that are paused end; None if they may go on."""
        stopped = connection.scalar(self._study.query(manifests.c.stop_reason))
        if stopped is not None:
            return f"the search was stopped: {stopped}"
        ended = read_ended(connection, self._study_id)
        if ended is not None:
            return f"the search ended before it was resumed: {ended.words}"
        if self._count(connection, is_open, slots.c.state != "paused") or self._next(connection, rule) is not None:
            return None
        return "it was never among the best third"

    def _is_over(self, connection: Connection) -> bool:
        stopped = connection.scalar(self._study.query(manifests.c.stop_reason))
        return stopped is not None or read_ended(connection, self._study_id) is not None

    def _is_finishing(self, connection: Connection, slot: int) -> bool:
        query = sa.select(rungs.c.epoch).where(self._at(), rungs.c.number == slot, rungs.c.fate == "finishing")
        return connection.scalar(query.limit(1)) is not None

    def _note(self, connection: Connection, slot: int, epoch: int, value: float | None) -> None:
        """Notes a trial at a rung, as paused; one that is noted stays as it is."""
        if self._fate(connection, slot, epoch) is None:
            row = {"study_id": self._study_id, "number": slot, "epoch": epoch, "value": value}
            connection.execute(sa.insert(rungs).values(**row, fate="paused", recorded_at=database_now()))

    def _fate(self, connection: Connection, slot: int, epoch: int) -> str | None:
        return connection.scalar(sa.select(rungs.c.fate).where(self._at(epoch), rungs.c.number == slot))

    def _set_fate(self, connection: Connection, slot: int, fate: Fate) -> None:
        """Says what becomes of a slot at the rung where it is."""
        here = (self._at(), rungs.c.number == slot, rungs.c.fate == "paused")
        connection.execute(sa.update(rungs).where(*here).values(fate=fate))

    def _at(self, epoch: int | None = None) -> sa.ColumnElement[bool]:
        """The condition for the rows of a rung, or of all rungs."""
        mine = rungs.c.study_id == self._study_id
        return mine if epoch is None else sa.and_(mine, rungs.c.epoch == epoch)

    def _count(self, connection: Connection, *conditions: sa.ColumnElement[bool] | sa.TextClause) -> int:
        query = sa.select(sa.func.count()).select_from(slots).where(slots.c.study_id == self._study_id, *conditions)
        return connection.scalar(query) or 0

    def _slot(self, connection: Connection, lease: Lease) -> Row[Any]:
        here = (slots.c.study_id == self._study_id, slots.c.number == lease.slot)
        row = connection.execute(sa.select(slots).where(*here).with_for_update()).one_or_none()
        if row is None:
            raise LeaseLost(f"slot {lease.slot} is gone: the search has ended, or its study was deleted")
        return row
