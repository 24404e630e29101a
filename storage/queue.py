"""Which study comes next where workers serve all of a database: priorities, the most workers, pauses.

A study has a row here from the first change on; without one it has the defaults. Unlike the manifest, which says what
is searched, all of this may change while workers are at work.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from storage.engine import opened
from storage.identity import StudyKey
from storage.news import tell_of_work
from storage.rows import to_json
from storage.tables import database_now, is_unconfirmed, manifests, queue, slots, studies, workers
from storage.transaction import at_once, reading, writing
from storage.url import parse

# A worker whose last heartbeat is older counts as gone.
ALIVE_S = 20.0
# A finished trial that no worker has settled for this long needs one.
UNSETTLED_S = 10.0


class QueuePlace(msgspec.Struct, frozen=True):
    """A study's place: studies of a higher `priority` go first; at most `max_workers` work on it at once (None: any
    number); `owner` says whose it is. While it is `paused`, no worker serves it.
    """

    priority: int = 0
    max_workers: int | None = None
    owner: str | None = None
    paused: bool = False


class QueueEntry(msgspec.Struct, frozen=True):
    """An open study as a worker that looks for work sees it: `claimable` is how many slots are free to take, one more
    if all others are paused, and `unsettled` whether finished trials wait to be settled. `workers` are at work on it.
    """

    name: str
    study_id: int
    stamp: str
    place: QueuePlace
    claimable: int
    unsettled: bool
    workers: int

    @property
    def room(self) -> int:
        """How many more workers it can use."""
        if self.place.paused:
            return 0
        wanted = max(self.claimable, int(self.unsettled))
        return wanted if self.place.max_workers is None else min(wanted, self.place.max_workers - self.workers)


class Standing(msgspec.Struct, frozen=True):
    """A worker among those of its study: how many joined before it, and how many after."""

    place: QueuePlace
    older: int
    newer: int

    @property
    def is_wanted(self) -> bool:
        """Whether the worker may go on: the study isn't paused, and doesn't have too many that were there before."""
        most = self.place.max_workers
        return not self.place.paused and (most is None or self.older < most)


class StudyQueue:
    """One study's place in the queue.

    After the study is deleted, every call raises StudyNotFound, even if another study has its ID.
    """

    def __init__(self, engine: Engine, key: StudyKey) -> None:
        self._engine = engine
        self._study = key

    def place(self) -> QueuePlace:
        """The place as it is now."""
        query: sa.Select[Any] = sa.select(*PLACE).where(queue.c.study_id == self._study.study_id)
        with reading(self._engine) as connection:
            self._study.require(connection)
            return as_place(connection.execute(query).one_or_none())

    def set(self, place: QueuePlace) -> None:
        """Gives the study this place."""
        values = msgspec.structs.asdict(place)
        here = queue.c.study_id == self._study.study_id
        with writing(self._engine) as connection:
            self._study.require(connection)
            connection.execute(sa.delete(queue).where(here))
            connection.execute(sa.insert(queue).values(study_id=self._study.study_id, **values))
            tell_of_work(connection, self._study)

    def standing(self, worker_id: str) -> Standing:
        """Where a worker of the study stands among the others that are at work."""
        own = sa.select(workers.c.started_at, workers.c.worker_id).where(
            workers.c.study_id == self._study.study_id, workers.c.worker_id == worker_id
        )
        mine = own.subquery()
        joined = sa.tuple_(workers.c.started_at, workers.c.worker_id)
        me = sa.tuple_(mine.c.started_at, mine.c.worker_id)
        counts = (
            sa.select(
                sa.func.coalesce(sa.func.sum(sa.case((joined < me, 1), else_=0)), 0).label("older"),
                sa.func.coalesce(sa.func.sum(sa.case((joined > me, 1), else_=0)), 0).label("newer"),
            )
            .select_from(workers.join(mine, sa.true()))
            .where(workers.c.study_id == self._study.study_id, *AT_WORK)
            .subquery()
        )
        query = sa.select(counts, *PLACE).select_from(counts.outerjoin(queue, queue.c.study_id == self._study.study_id))
        with reading(self._engine) as connection:
            self._study.require(connection)
            row = connection.execute(query).one()
        return Standing(as_place(row), int(row.older), int(row.newer))

    def beat(self, worker_id: str, **state: Any) -> bool:
        """Stores a worker's heartbeat, with its state, any JSON values; returns whether the study wants the worker: see
        `Standing.is_wanted`. On Postgres it is one statement. The other workers are counted only if they are limited.
        """
        row = workers.c.study_id == self._study.study_id, workers.c.worker_id == worker_id
        seen = sa.update(workers).where(*row, self._study.is_there())
        seen = seen.values(seen_at=database_now(), state=to_json(state))
        with at_once(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                beaten = seen.returning(workers.c.worker_id).cte("beaten")
                counted = sa.select(sa.func.count()).select_from(beaten).scalar_subquery()
                found, wanted = connection.execute(sa.select(counted, self._wants(worker_id))).one()
            else:
                found = connection.execute(seen).rowcount
                wanted = connection.scalar(sa.select(self._wants(worker_id)))
            if found == 0:
                self._study.require(connection)
        return bool(wanted)

    def _wants(self, worker_id: str) -> sa.ScalarSelect[bool]:
        """Whether the study wants the worker; NULL is yes, as a study without a place limits nothing."""
        own = workers.alias("own")
        mine = sa.select(own.c.started_at, own.c.worker_id)
        mine = mine.where(own.c.study_id == self._study.study_id, own.c.worker_id == worker_id)
        older = (
            sa.select(sa.func.count())
            .select_from(workers)
            .where(
                workers.c.study_id == self._study.study_id,
                *AT_WORK,
                sa.tuple_(workers.c.started_at, workers.c.worker_id) < mine.scalar_subquery(),
            )
        )
        few = sa.or_(queue.c.max_workers.is_(None), older.scalar_subquery() < queue.c.max_workers)
        place = sa.select(sa.and_(sa.not_(queue.c.paused), few)).where(queue.c.study_id == self._study.study_id)
        return sa.select(sa.func.coalesce(place.scalar_subquery(), sa.true())).scalar_subquery()


PLACE = (queue.c.priority, queue.c.max_workers, queue.c.owner, queue.c.paused)
AT_WORK = (workers.c.left_reason.is_(None), workers.c.seen_at > database_now() - ALIVE_S)


def as_place(row: sa.Row[Any] | None) -> QueuePlace:
    """The place in a row; the defaults where there is none."""
    if row is None or row.priority is None:
        return QueuePlace()
    return QueuePlace(row.priority, row.max_workers, row.owner, bool(row.paused))


def queue_entries(engine: Engine) -> list[QueueEntry]:
    """The studies of a database that aren't stopped and have something to do, in the order of their creation."""
    free = sa.or_(slots.c.state == "waiting", slots.c.lease_expires_at < database_now())
    leased, paused = (count_of(slots, slots.c.state == state) for state in ("leased", "paused"))
    # Paused trials are decided on by the worker that finds them; where workers are at work, that is one of those.
    claimable = count_of(slots, slots.c.state != "done", free) + sa.case(((paused > 0) & (leased == 0), 1), else_=0)
    unsettled = sa.exists().where(
        slots.c.study_id == manifests.c.study_id, is_unconfirmed, slots.c.finished_at < database_now() - UNSETTLED_S
    )
    query = (
        sa.select(
            studies.c.study_name,
            manifests.c.study_id,
            manifests.c.stamp,
            *PLACE,
            claimable.label("claimable"),
            unsettled.label("unsettled"),
            count_of(workers, *AT_WORK).label("workers"),
        )
        .join(studies, studies.c.study_id == manifests.c.study_id)
        .outerjoin(queue, queue.c.study_id == manifests.c.study_id)
        .where(manifests.c.stop_reason.is_(None))
        .order_by(manifests.c.study_id)
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    entries = [
        QueueEntry(
            row.study_name,
            row.study_id,
            row.stamp,
            as_place(row),
            int(row.claimable),
            bool(row.unsettled),
            int(row.workers),
        )
        for row in rows
    ]
    return [entry for entry in entries if entry.claimable or entry.unsettled]


@contextlib.contextmanager
def open_queue(url: str) -> Iterator[Engine]:
    """The engine of a database, for a look at its queue.

    Raises:
        StudyNotFound: there is no database yet, or it has no tables.
        StorageError: as `opened`.
    """
    with opened(parse(url), create=False) as rdb:
        try:
            yield rdb.engine
        finally:
            rdb.engine.dispose()


def count_of(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    """How many rows of a study there are, for a query over manifests."""
    counted = sa.select(sa.func.count()).select_from(table)
    return counted.where(table.c.study_id == manifests.c.study_id, *conditions).scalar_subquery()


def next_study(entries: Sequence[QueueEntry]) -> QueueEntry | None:
    """Where a worker without a study goes: the highest priority, then the fewest workers, then the oldest study."""
    open_ = [entry for entry in entries if entry.room > 0]
    return min(open_, key=lambda entry: (-entry.place.priority, entry.workers, entry.study_id), default=None)


def is_needed_elsewhere(stamp: str, standing: Standing, entries: Sequence[QueueEntry]) -> bool:
    """Whether a worker should leave its study for another one, which it takes up next: one of a higher priority, or one
    of the same that has at least two workers fewer. Of a study's workers, those that joined last go, no more of them
    than are needed there.
    """
    workers_here = standing.older + 1 + standing.newer
    for other in entries:
        if other.stamp == stamp or other.room <= 0:
            continue
        if other.place.priority > standing.place.priority:
            needed = other.room
        elif other.place.priority == standing.place.priority:
            needed = min(other.room, (workers_here - other.workers) // 2)
        else:
            continue
        if standing.newer < needed:
            return True
    return False
