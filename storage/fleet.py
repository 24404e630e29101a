"""The workers of all studies of a database."""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from storage.records import WorkerRow
from storage.tables import database_now, slots, workers
from storage.transaction import reading
from storage.workers import as_worker


class FleetLook(NamedTuple):
    """The workers that run in jobs, in order of arrival, with those that have left; the ids of those that have a trial
    in hand; and the database's clock, in Unix seconds.
    """

    workers: tuple[WorkerRow, ...]
    busy: frozenset[str]
    now: float


ROWS = sa.select(workers, sa.func.abs(database_now() - workers.c.seen_at).label("age_s")).order_by(
    workers.c.started_at, workers.c.worker_id
)


def look_at_fleet(engine: Engine, prefix: str) -> FleetLook:
    """The workers whose jobs' names begin with `prefix`."""
    query = ROWS.where(workers.c.job.startswith(prefix, autoescape=True))
    leased = sa.select(slots.c.worker_id).where(slots.c.state == "leased").distinct()
    with reading(engine) as connection:
        rows = connection.execute(query).all()
        busy = frozenset(connection.scalars(leased))
        now = float(connection.scalar(sa.select(database_now())) or 0.0)
    return FleetLook(tuple(map(as_worker, rows)), busy, now)


def workers_on(engine: Engine, host: str) -> list[WorkerRow]:
    """The workers of a host, in order of arrival, with those that have left."""
    with reading(engine) as connection:
        return [as_worker(row) for row in connection.execute(ROWS.where(workers.c.host == host))]
