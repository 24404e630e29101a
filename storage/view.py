"""Reads of a study's ledger: counts, slots, outcomes, epochs. None of them waits for a writer."""

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from spaces.epoch_scores import EpochScores
from storage import rows
from storage.claiming import still_there
from storage.closing import read_ended, read_rule
from storage.ending import Ended, EndingRule
from storage.identity import StudyKey, deleted
from storage.objective import Objective
from storage.records import FinishedSlot, SlotCounts, SlotRow, TrialEpoch, Unclaimed, UnderWay
from storage.tables import database_now, epochs, is_unconfirmed, manifests, slots
from storage.transaction import looking_at_once


class LedgerView:
    """The current state of one study's slots. Safe to use from several threads and processes.

    After the study is deleted, every call raises StudyNotFound, even if another study has its ID.
    """

    def __init__(self, engine: Engine, key: StudyKey) -> None:
        self._engine = engine
        self._study = key
        self._study_id = key.study_id

    def counts(self) -> SlotCounts:
        """How many slots there are, by state and outcome."""
        kind = sa.func.coalesce(slots.c.outcome, slots.c.state)
        query = sa.select(kind, sa.func.count()).where(slots.c.study_id == self._study_id).group_by(kind)
        with self._reading() as connection:
            found: dict[str, int] = {name: n for name, n in connection.execute(query)}  # noqa: C416 - rows are no pairs
        return SlotCounts(total=sum(found.values()), **found)

    def slots(self) -> list[SlotRow]:
        """Every slot, by number."""
        with self._reading() as connection:
            return [rows.as_slot(row) for row in connection.execute(self._select().order_by(slots.c.number))]

    def left(self) -> Unclaimed:
        """What is left to do, as a claim says that finds nothing.

        Raises:
            StudyNotFound: the study was deleted.
        """
        query: sa.Select[Any] = self._study.query(manifests.c.stop_reason)
        with looking_at_once(self._engine) as connection:
            row = connection.execute(query.add_columns(*still_there(self._study_id))).one_or_none()
        if row is None:
            raise deleted()
        return Unclaimed(row.stop_reason is not None, bool(row.has_open), bool(row.has_unsettled))

    def outcomes(self, limit: int | None = None, *, since: float | None = None) -> list[FinishedSlot]:
        """The done slots in the order in which they finished, the first `limit` of them; with `since`, those that have
        finished at that time (Unix seconds, by the database's clock) or later.
        """
        query = self._select().where(slots.c.outcome.is_not(None)).order_by(slots.c.finished_at, slots.c.number)
        if since is not None:
            query = query.where(slots.c.finished_at >= since)
        with self._reading() as connection:
            return [rows.as_finished(row) for row in connection.execute(query.limit(limit))]

    def best(self, goal: Objective, limit: int | None = None) -> list[FinishedSlot]:
        """The completed slots with the best values, `limit` of them, best first; of equals, the earlier trial."""
        order = goal.sql_order(slots.c.value, slots.c.trial_number)
        query = self._select().where(slots.c.outcome == "complete", slots.c.value.is_not(None)).limit(limit)
        with self._reading() as connection:
            return [rows.as_finished(row) for row in connection.execute(query.order_by(*order))]

    def unconfirmed(self) -> list[FinishedSlot]:
        """The done slots whose trial may not have been told yet: anyone may tell it, and confirm."""
        query = self._select().where(is_unconfirmed).order_by(slots.c.number)
        with self._reading() as connection:
            return [rows.as_finished(row) for row in connection.execute(query)]

    def epochs(self, trial_number: int) -> list[EpochScores]:
        """The epochs of a trial, in order."""
        query = sa.select(epochs).where(epochs.c.study_id == self._study_id, epochs.c.trial_number == trial_number)
        with self._reading() as connection:
            return [rows.as_scores(row) for row in connection.execute(query.order_by(epochs.c.epoch))]

    def curves(self, trial_numbers: Collection[int] | None = None) -> dict[int, list[EpochScores]]:
        """The epochs of these trials, by default of all, in order, by trial in order; nothing of one that has none."""
        query = sa.select(epochs).where(epochs.c.study_id == self._study_id)
        if trial_numbers is not None:
            query = query.where(epochs.c.trial_number.in_(trial_numbers))
        found = dict[int, list[EpochScores]]()
        with self._reading() as connection:
            for row in connection.execute(query.order_by(epochs.c.trial_number, epochs.c.epoch)):
                found.setdefault(row.trial_number, []).append(rows.as_scores(row))
        return found

    def all_epochs(self) -> list[TrialEpoch]:
        """The epochs of all trials, by trial, then epoch, with the attempt that recorded each."""
        query = sa.select(epochs).where(epochs.c.study_id == self._study_id)
        with self._reading() as connection:
            ordered = query.order_by(epochs.c.trial_number, epochs.c.epoch)
            return [rows.as_epoch(row) for row in connection.execute(ordered)]

    def epoch_count(self) -> int:
        """How many epochs are recorded, of all trials together."""
        query = sa.select(sa.func.count()).select_from(epochs).where(epochs.c.study_id == self._study_id)
        with self._reading() as connection:
            return connection.scalar(query) or 0

    def under_way(self) -> list[UnderWay]:
        """The leased slots and how far their trials are, by number."""
        keys = (slots.c.number, slots.c.worker_id, slots.c.trial_number)
        mine = sa.and_(epochs.c.study_id == slots.c.study_id, epochs.c.trial_number == slots.c.trial_number)
        query = sa.select(*keys, sa.func.count(epochs.c.epoch), sa.func.avg(epochs.c.seconds))
        query = query.select_from(slots.outerjoin(epochs, mine)).where(
            slots.c.study_id == self._study_id, slots.c.state == "leased"
        )
        with self._reading() as connection:
            return [UnderWay(*row) for row in connection.execute(query.group_by(*keys).order_by(slots.c.number))]

    def now(self) -> float:
        """The time by the database's clock, in Unix seconds."""
        with looking_at_once(self._engine) as connection:
            return float(connection.scalar(sa.select(database_now())) or 0.0)

    def stop_reason(self) -> str | None:
        """The reason why claims are stopped, None if they aren't.

        Raises:
            StudyNotFound: the study was deleted.
        """
        with looking_at_once(self._engine) as connection:
            return self._stop_reason(connection)

    def ending(self) -> EndingRule | None:
        """What ends the search early, None if nothing does."""
        with self._reading() as connection:
            return read_rule(connection, self._study_id)

    def ended(self) -> Ended | None:
        """What has ended the search early, None if nothing has."""
        with self._reading() as connection:
            return read_ended(connection, self._study_id)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection to read what is the study's."""
        with looking_at_once(self._engine) as connection:
            self._study.require(connection)
            yield connection

    def _select(self) -> sa.Select[Any]:
        return sa.select(slots).where(slots.c.study_id == self._study_id)

    def _stop_reason(self, connection: Connection) -> str | None:
        row = connection.execute(self._study.query(manifests.c.stop_reason)).one_or_none()
        if row is None:
            raise deleted()
        reason: str | None = row.stop_reason
        return reason
