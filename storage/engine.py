"""One engine per process, on SQLite or Postgres, configured for many processes at once.

SQLite ignores FOR UPDATE, so that a transaction which reads and then writes must hold the write lock from its start
(BEGIN IMMEDIATE). Those that only read say so, and never wait, thanks to the write-ahead log.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from storage.connecting import BUSY_TIMEOUT_S, engine_settings, is_sqlite, path_of, pool_settings, sqlite_file
from storage.errors import StorageUnreachable, StudyNotFound
from storage.pool import replace_closed, take_turns
from storage.pooler import as_accepted, limit_transactions
from storage.schema import (
    can_be_locked,
    creation_lock,
    is_ready,
    prepare_tables,
    require_known_optuna,
    require_tables,
    require_tables_as_they_are,
)
from storage.sqlite_file import Access, SqliteFile
from storage.transaction import READING, only_reads, translated, unreachable


@contextlib.contextmanager
def opened(url: URL, *, create: bool, only_look: bool = False, workers: int = 1) -> Iterator[RDBStorage]:
    """Optuna's storage on a database whose tables, Optuna's and ours, exist and have a known version.

    Any number of processes may be inside. Those that find tables missing or old create or migrate them, one at a time.
    With `only_look`, the storage's connections are read-only. They are enough for this many `workers`. The engine is
    closed if the block fails, otherwise it stays open.

    Raises:
        StudyNotFound: the tables aren't there, and `create` is false.
        StorageUsageError: the database belongs to something else, or to another release.
        StorageUnreachable: it doesn't answer.
    """
    if not create and is_sqlite(url) and not path_of(url).exists():
        raise StudyNotFound(f"there is no database {url.database!r} yet: a launch creates it")
    with translated(url):
        accepted = make_ready(url, create=create, only_look=only_look)
        with connected(accepted, "read" if only_look else "write", in_turns=True, workers=workers) as storage:
            yield storage


@contextlib.contextmanager
def connected(url: URL, access: Access, *, in_turns: bool = False, workers: int = 1) -> Iterator[RDBStorage]:
    """Optuna's storage with our settings; `storage.engine` is the process's only engine, closed if the block fails.
    With `in_turns`, the threads of its `workers` take turns on few connections to a server.

    Raises:
        StorageUsageError: Optuna's tables are those of another Optuna.
    """
    file = sqlite_file(url, access)
    # Optuna's check of its tables' version leaks the connection on which it fails: ours comes later.
    storage = RDBStorage(
        url.render_as_string(hide_password=False),
        engine_kwargs={**engine_settings(url, file), **pool_settings(file, in_turns=in_turns, workers=workers)},
        skip_compatibility_check=True,
        skip_table_creation=access != "create",
    )
    try:
        require_known_optuna(storage)
        tune(storage.engine, file, access)
        yield storage
    except BaseException:
        storage.engine.dispose()
        raise


@contextlib.contextmanager
def looking(storage: RDBStorage) -> Iterator[None]:
    """Makes this thread's use of Optuna's storage inside the block read-only, so that it waits for no writer.

    The thread gets a session that says so, as in `storage.fence`.
    """
    storage.remove_session()
    storage.scoped_session(bind=storage.engine.execution_options(**{READING: True}))
    try:
        yield
    finally:
        storage.remove_session()


def make_ready(url: URL, *, create: bool, only_look: bool) -> URL:
    """Creates or migrates the tables if they aren't those of this release; only then it waits for its turn. Returns the
    URL, without time-outs where a pooler refuses them.

    Optuna's own creation of tables fails when several processes try.
    """
    url, ready = as_accepted(url, is_ready)
    if ready:
        return url
    if only_look and not can_be_locked(url):
        require_tables_as_they_are(url)
        return url
    with creation_lock(url):
        create_tables(url, create=create)
    return url


def create_tables(url: URL, *, create: bool) -> None:
    """Creates or migrates the tables, unless another process has done so before this one had the lock."""
    if is_ready(url):
        return
    require_tables(url, create=create)
    with connected(url, "create" if create else "write") as storage:
        if is_sqlite(url):
            turn_log_on(storage.engine)
        prepare_tables(storage.engine, create=create)
        storage.engine.dispose()


def tune(engine: Engine, file: SqliteFile | None, access: Access) -> None:
    """Makes the engine's connections from now on keep to `access`, and SQLite's safe for several processes.

    Call it after Optuna's start, which opens a transaction inside another and would wait for itself; earlier
    connections are closed.
    """
    engine.dispose()
    if file is not None:
        event.listen(engine, "connect", partial(prepare_sqlite, file))
        event.listen(engine, "begin", partial(begin_sqlite, file))
        return
    take_turns(engine)
    replace_closed(engine)
    limit_transactions(engine)
    if access == "read":
        event.listen(engine, "connect", lambda connection, _: setattr(connection, "read_only", True))


def prepare_sqlite(file: SqliteFile, connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    """Sets up a connection: we begin transactions instead of the driver, and foreign keys are enforced."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log this can't damage the database; a power cut may take the last commits.
    connection.execute("PRAGMA synchronous = NORMAL")
    if file.access == "read":
        connection.execute("PRAGMA query_only = ON")
    file.note_log(connection, record.info)


def begin_sqlite(file: SqliteFile, connection: Connection) -> None:
    """Begins a transaction, with the write lock unless it only reads."""
    file.require_same(connection.info)
    deferred = file.access == "read" or only_reads(connection)
    connection.exec_driver_sql("BEGIN" if deferred else "BEGIN IMMEDIATE")


def turn_log_on(engine: Engine) -> None:
    """Turns SQLite's write-ahead log on, permanently; this needs a moment in which no other process is connected."""
    engine.dispose()
    with contextlib.closing(engine.raw_connection()) as connection:
        switch_to_wal(connection.cursor(), engine.url)
    engine.dispose()


def switch_to_wal(cursor: Any, url: URL) -> None:
    """Turns the write-ahead log on. SQLite's busy timeout doesn't cover this statement, hence the loop."""
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
