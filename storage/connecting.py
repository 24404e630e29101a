"""How connections to a database are made: through which driver, and with which settings."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection
from sqlalchemy.pool import NullPool

from storage.pool import TurnPool
from storage.pooler import AS_OPTIONS
from storage.sqlite_file import Access, SqliteFile, can_be_written

BUSY_TIMEOUT_S = 60.0
WORKERS_PER_CONNECTION = 4  # of one process: each sends a statement or two per epoch
MOST_MORE = 6

POSTGRES_SETTINGS = {
    "connect_timeout": 10,
    "application_name": "keras-image-search",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "options": AS_OPTIONS,
}


def is_sqlite(url: URL) -> bool:
    """Whether the database is a SQLite file."""
    return url.get_backend_name() == "sqlite"


def path_of(url: URL) -> Path:
    """The path of a SQLite database."""
    return Path(str(url.database))


def sqlite_file(url: URL, access: Access) -> SqliteFile | None:
    """The file to which connections go, None for a server."""
    return SqliteFile(path_of(url), access, BUSY_TIMEOUT_S) if is_sqlite(url) else None


def engine_settings(url: URL, file: SqliteFile | None) -> dict[str, Any]:
    """What SQLAlchemy needs in order to make connections; options in the URL come first."""
    if file is not None:
        return {"creator": file.connect}
    settings = {key: value for key, value in POSTGRES_SETTINGS.items() if key not in url.query}
    # A statement prepared on one connection is unknown to the next behind a pooler such as PgBouncer.
    return {"connect_args": {**settings, "prepare_threshold": None}}


def pool_settings(file: SqliteFile | None, *, in_turns: bool = False, workers: int = 1) -> dict[str, Any]:
    """How many connections a process of this many workers keeps open, and opens at most.

    It keeps one open, with every fourth worker another, and opens more when further threads need one; with `in_turns`,
    they wait for each other first. If nothing can be written, each transaction on a file has its own connection, since
    the way to read the file depends on the files next to it, which other processes change.
    """
    if file is not None and file.access == "read" and not can_be_written(file.path):
        return {"poolclass": NullPool}
    settings = {
        "pool_size": 1 + workers // WORKERS_PER_CONNECTION,
        "max_overflow": MOST_MORE + workers,
        "pool_timeout": BUSY_TIMEOUT_S,
    }
    return {**settings, "poolclass": TurnPool} if file is None and in_turns else settings


@contextlib.contextmanager
def one_connection(url: URL, access: Access = "write", **postgres: Any) -> Iterator[Connection]:
    """A transaction on its own connection, which is closed at the end; `postgres` are additional settings for
    a server.
    """
    settings = engine_settings(url, sqlite_file(url, access))
    if not is_sqlite(url):
        settings["connect_args"] |= postgres
    engine = sa.create_engine(url, poolclass=NullPool, **settings)
    with engine.begin() as connection:
        yield connection
