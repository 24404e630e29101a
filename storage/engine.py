"""One engine a process, on SQLite or Postgres, as many processes at once need it.

SQLite ignores FOR UPDATE, so that a transaction which reads and then writes must hold the write lock from its start
(BEGIN IMMEDIATE). Those that only read say so and wait for nobody, thanks to the write-ahead log.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine

from storage.errors import StorageUnreachable, StudyNotFound
from storage.schema import creation_lock, inspect_database, prepare_tables, require_known_optuna
from storage.transaction import only_reads, translated, unreachable

BUSY_TIMEOUT_S = 60.0

POSTGRES_SETTINGS = {
    "connect_timeout": 10,
    "application_name": "keras-image-search",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "options": "-c statement_timeout=60s -c lock_timeout=30s -c idle_in_transaction_session_timeout=60s",
}


@contextlib.contextmanager
def opened(url: URL, *, create: bool) -> Iterator[RDBStorage]:
    """Optuna's storage on a database whose tables, Optuna's and ours, are there and of a version that we know.

    One process at a time is inside: Optuna's own creation of the tables fails when several try. The engine is closed
    if what is done inside fails, and else stays open.

    Raises:
        StudyNotFound: the tables aren't there, and `create` is false.
        StorageUsageError: the database belongs to something else, or to another release.
        StorageUnreachable: it doesn't answer.
    """
    if not create and is_sqlite(url) and not Path(str(url.database)).exists():
        raise StudyNotFound(f"there is no database {url.database!r} yet: a launch creates it")
    connect_args = connection_settings(url)
    with translated(url), creation_lock(url, connect_args):
        inspect_database(url, connect_args, create=create)
        storage = make_storage(url, connect_args, create=create)
        try:
            require_known_optuna(storage)
            if is_sqlite(url):
                tune_sqlite(storage.engine)
            prepare_tables(storage.engine, create=create)
            yield storage
        except BaseException:
            storage.engine.dispose()
            raise


def make_storage(url: URL, connect_args: dict[str, Any], *, create: bool) -> RDBStorage:
    """Optuna's storage with our settings; `storage.engine` is the process' one engine.

    A process keeps one connection open and takes more as its threads need them at once: the workers of a study may be
    hundreds, and a Postgres server allows 100 connections unless told otherwise.
    """
    settings = {"pool_size": 1, "max_overflow": 7, "pool_timeout": BUSY_TIMEOUT_S, "connect_args": connect_args}
    if not is_sqlite(url):
        settings["pool_pre_ping"] = True
    # Its own check of its tables' version would lose the connection that it fails on: ours comes later.
    return RDBStorage(
        url.render_as_string(hide_password=False),
        engine_kwargs=settings,
        skip_compatibility_check=True,
        skip_table_creation=not create,
    )


def connection_settings(url: URL) -> dict[str, Any]:
    """What the driver gets with each connection; options in the URL come first."""
    if is_sqlite(url):
        return {"timeout": BUSY_TIMEOUT_S}
    settings = {key: value for key, value in POSTGRES_SETTINGS.items() if key not in url.query}
    # A statement prepared on one connection is unknown to the next behind a pooler such as PgBouncer.
    return {**settings, "prepare_threshold": None}


def is_sqlite(url: URL) -> bool:
    """Whether the database is a SQLite file."""
    return url.get_backend_name() == "sqlite"


def tune_sqlite(engine: Engine) -> None:
    """Makes an engine's transactions safe among processes.

    It comes after Optuna's start, which opens a transaction inside another and would wait for itself; the connections
    made until then are closed.
    """
    engine.dispose()
    with contextlib.closing(engine.raw_connection()) as connection:
        switch_to_wal(connection.cursor(), engine.url)
    engine.dispose()
    event.listen(engine, "connect", prepare_sqlite)
    event.listen(engine, "begin", begin_sqlite)


def switch_to_wal(cursor: Any, url: URL) -> None:
    """Turns the write-ahead log on, for good. SQLite's busy timeout doesn't cover this statement, hence the loop."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline or "locked" not in str(error):
                raise StorageUnreachable(unreachable(url, str(error))) from error
            time.sleep(0.05)
        else:
            return


def prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """What each connection needs: transactions begun by us instead of the driver, and foreign keys that hold."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log this can't damage the database; a power cut may take the last commits.
    connection.execute("PRAGMA synchronous = NORMAL")


def begin_sqlite(connection: Connection) -> None:
    """Begins a transaction, with the write lock unless it only reads."""
    connection.exec_driver_sql("BEGIN" if only_reads(connection) else "BEGIN IMMEDIATE")
