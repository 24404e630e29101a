"""News of work: who orders trials, or frees one, tells workers that wait for some. Postgres alone can tell them.

A process that waits listens on a connection of its own. Nothing depends on it: a worker that isn't told looks for work
from time to time all the same.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from storage.connecting import engine_settings, is_sqlite
from storage.identity import StudyKey
from storage.pooler import is_unlimited, limit_transactions, refuses_options
from storage.url import parse

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

CHANNEL = "search_work"
POLL_S = 0.5
AGAIN_S = 30.0


def tell_of_work(connection: Connection, study: StudyKey) -> None:
    """Tells those who listen, once the transaction is committed, that there may be work in the study."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_notify(CHANNEL, study.stamp)))


def can_tell(url: str) -> bool:
    """Whether a database of that kind can tell of work."""
    return not is_sqlite(parse(url))


def listen(url: str, ended: threading.Event, heard: Callable[[str | None], None]) -> None:
    """Calls `heard` with the stamp of a study that may have work, until `ended` is set; with None when it begins to
    listen, as it may have missed news before. It gives up behind a pooler in transaction mode, which passes no news on.
    """
    import psycopg  # which SQLite, the usual storage, has no use for

    while not ended.is_set():
        try:
            with listening(url) as connection:
                if connection is None:
                    log.debug("the database doesn't tell of work: it is behind a pooler")
                    return
                heard(None)
                while not ended.is_set():
                    for news in connection.notifies(timeout=POLL_S, stop_after=1):
                        heard(news.payload)
        except (SQLAlchemyError, psycopg.Error) as error:
            if isinstance(error, DBAPIError) and refuses_options(error):
                return  # a pooler, too
            log.debug("the database doesn't tell of work for now: %s", error)
            ended.wait(AGAIN_S)


@contextlib.contextmanager
def listening(url: str) -> Iterator["psycopg.Connection[tuple[object, ...]] | None"]:
    """A connection that gets the news; None behind a pooler, whose connections are without the time-outs asked for."""
    import psycopg

    parsed = parse(url)
    engine = sa.create_engine(parsed, poolclass=NullPool, **engine_settings(parsed, None))
    limit_transactions(engine)
    with engine.connect() as owner:
        if is_unlimited(owner):
            yield None
            return
        connection = owner.connection.driver_connection
        assert isinstance(connection, psycopg.Connection)  # noqa: S101 - the URL's only driver
        connection.autocommit = True
        connection.execute(f"LISTEN {CHANNEL}")
        yield connection
