"""The lock of a study's row: what concerns all its slots is decided by one process at a time.

A process that waits for it holds neither a slot nor a connection: a worker has one connection, which the thread that
renews its lease needs meanwhile, and a server has few.
"""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from storage.growing_pauses import GrowingPauses
from storage.identity import StudyKey, deleted
from storage.tables import manifests
from storage.transaction import writing

WAIT_S = 30.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S, GROWTH = 0.005, 0.25, 1.5


@contextlib.contextmanager
def holding_study(engine: Engine, study: StudyKey) -> Iterator[Connection]:
    """A transaction that holds the study's lock. While another holds it, this tries again after a pause.

    Raises:
        StudyNotFound: the study was deleted.
        StorageUnreachable: it was locked all the time, or the database doesn't answer.
    """
    pauses = GrowingPauses("the study was locked", WAIT_S, SHORTEST_PAUSE_S, LONGEST_PAUSE_S, GROWTH)
    while True:
        with trying_to_hold(engine, study) as connection:
            if connection is not None:
                yield connection
                return
        pauses.wait()


@contextlib.contextmanager
def trying_to_hold(engine: Engine, study: StudyKey) -> Iterator[Connection | None]:
    """As `holding_study`, but None at once if another process holds the lock."""
    with writing(engine) as connection:
        yield connection if locked(connection, study) else None


def locked(connection: Connection, study: StudyKey) -> bool:
    """Locks the study's row until the transaction ends; false if another process has it. SQLite's transaction has the
    lock of the whole file.

    Raises:
        StudyNotFound: the study was deleted.
    """
    mine = study.query(manifests.c.study_id).with_for_update(of=manifests, skip_locked=True).cte("mine")
    is_mine = sa.exists(sa.select(mine.c.study_id))
    row = connection.execute(sa.select(study.is_there().label("there"), is_mine.label("mine"))).one()
    if not row.there:
        raise deleted()
    return bool(row.mine)
