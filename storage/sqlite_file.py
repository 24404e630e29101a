"""A SQLite file: how it is opened, and how its connections detect that it was deleted or replaced.

Opening a missing file creates an empty one, and a deleted file continues to exist for the processes that have it open.
So nothing here creates a file unless told to, and each transaction first checks that the file and its log are still the
ones that its connection has open.
"""

import contextlib
import os
import sqlite3
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from storage.errors import StorageGone

Access = Literal["create", "write", "read"]
Identity = tuple[int, int]

LOGS = ("-wal", "-shm")  # the write-ahead log, and the index of it that all processes share
NEW_FILE_NEEDED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})
PRIMARY_CODE = 0xFF  # the part of an extended error code that says which kind it is


@dataclass
class SqliteFile:
    """A file that connections are made to. Once the first is there, the file may not become another one."""

    path: Path
    access: Access
    timeout_s: float
    _identity: Identity | None = None

    def connect(self) -> sqlite3.Connection:
        """Opens the file.

        Raises:
            StorageGone: it isn't the one that was opened before.
            sqlite3.OperationalError: it can't be opened.
        """
        if self.access == "read" and not can_be_written(self.path):
            return connect_read_only(self.path, self.timeout_s)
        self._require_same_file()
        connection = connect(self.path, "mode=rwc" if self.access == "create" else "mode=rw", self.timeout_s)
        if self._identity is None:
            self._identity = identity(self.path)
        return connection

    def note_log(self, connection: sqlite3.Connection, known: MutableMapping[Any, Any]) -> None:
        """Remembers which log a connection has open, so that `require_same` can tell."""
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # which opens it
        known.update({suffix: identity(Path(f"{self.path}{suffix}")) for suffix in LOGS})

    def require_same(self, known: MutableMapping[Any, Any]) -> None:
        """Raises StorageGone unless the file and its log are those that the connection has open."""
        self._require_same_file()
        for suffix in LOGS:
            log = Path(f"{self.path}{suffix}")
            if known.get(suffix) is not None and identity(log) != known[suffix]:
                raise StorageGone(
                    f"the file {str(log)!r} was deleted or replaced while the database was in use: its last changes "
                    "may be lost. End every process that uses the database before you continue with it"
                )

    def _require_same_file(self) -> None:
        if self._identity is None:
            return
        found = identity(self.path)
        if found != self._identity:
            fate = "deleted" if found is None else "replaced by another file"
            raise StorageGone(
                f"the database {str(self.path)!r} was {fate} while it was in use: nothing more can be stored in it. "
                "Restore it, or start a new search, and run this command again"
            )


def identity(path: Path) -> Identity | None:
    """What distinguishes a file from another one of its name; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def can_be_written(path: Path) -> bool:
    """Whether SQLite can write the file and its log next to it: permissions and read-only mounts both count."""
    return can_write(path.parent) and can_write(path)


def can_write(path: Path) -> bool:
    """Whether this process may write there."""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def connect(path: Path, options: str, timeout_s: float) -> sqlite3.Connection:
    """A connection with these options of SQLite's URIs; SQLAlchemy's pool hands it from thread to thread."""
    return sqlite3.connect(f"{path.as_uri()}?{options}", uri=True, timeout=timeout_s, check_same_thread=False)


def connect_read_only(path: Path, timeout_s: float) -> sqlite3.Connection:
    """A connection that sees all commits without writing anything, not even next to the file.

    SQLite reads a log with the help of an index file. If neither can be created, there is no log to read, or the index
    is built in memory: then no other process has the database open, as that would keep the index next to it.
    """
    try:
        return reading(path, "mode=ro", timeout_s)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & PRIMARY_CODE not in NEW_FILE_NEEDED:
            raise
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        return reading(path, "mode=ro&vfs=unix-none", timeout_s, "PRAGMA locking_mode = EXCLUSIVE")
    return reading(path, "immutable=1", timeout_s)


def reading(path: Path, options: str, timeout_s: float, *statements: str) -> sqlite3.Connection:
    """A connection by which the tables can be read, for certain."""
    with contextlib.ExitStack() as on_error:
        connection = on_error.enter_context(contextlib.closing(connect(path, options, timeout_s)))
        for statement in (*statements, "SELECT count(*) FROM sqlite_master"):
            connection.execute(statement)
        on_error.pop_all()
    return connection
