"""The URL of a study's database: which are valid, what they say in full, and what of it may be shown.

Nothing here connects to a server or creates a file; a SQLite file that is there already is read, never written.
"""

import contextlib
import difflib
import sqlite3
from collections.abc import Collection
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from storage.errors import NotAStudyDatabase, UrlError
from storage.masking import hide_password, secrets
from storage.sqlite_file import can_write, connect_read_only, reading

VALID = "valid are sqlite:///search.db, sqlite:////absolute/path.db and postgresql://user:password@host:5432/database"
ESCAPES = "in a password, write @ as %40, : as %3A, / as %2F and ? as %3F"
LOOK_S = 10.0

# Either of them is the first table that Optuna makes, so that a half-made schema is taken for what it is.
OPTUNA_TABLES = frozenset({"studies", "version_info"})


def check_url(url: str, *, write: bool = True) -> str:
    """The URL in full: an absolute path for SQLite, psycopg 3 as the driver for Postgres. It holds the password.

    A SQLite file need not exist, but its directory must; whether a Postgres server answers isn't tried. Unless
    `write`, a file need not be writable.

    Raises:
        UrlError: it isn't a URL, or of another kind of database; its directory is missing, or can't be written.
        NotAStudyDatabase: its file isn't a SQLite database, or holds something other than studies.
    """
    return parse(url, write=write).render_as_string(hide_password=False)


def parse(url: str, *, write: bool = True) -> URL:
    """As `check_url`, as SQLAlchemy's URL."""
    parsed = split(url)
    kind, _, driver = parsed.drivername.partition("+")
    if kind == "sqlite" and driver in ("", "pysqlite"):
        return check_sqlite(parsed, write=write)
    if kind in ("postgresql", "postgres"):
        return check_postgres(parsed)
    raise UrlError(f"{hide_password(url)!r}: there is no support for {parsed.drivername!r}; {VALID}")


def split(url: str) -> URL:
    """The parts of a URL. What SQLAlchemy says of one that has none may quote a piece of a password: it is dropped."""
    try:
        url.encode()
    except UnicodeEncodeError:
        raise UrlError(f"{hide_password(url)!a} isn't UTF-8 text; {VALID}") from None
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        pass
    raise UrlError(f"{hide_password(url)!r} isn't a database URL; {VALID} ({ESCAPES})")


def check_postgres(url: URL) -> URL:
    """The URL with psycopg 3 as its driver; raises UrlError if it names no database, or options that there aren't."""
    shown = hide_password(url.render_as_string(hide_password=False))
    if not url.database:
        raise UrlError(f"{shown!r} names no database; {VALID}")
    if "@" in (url.host or ""):
        raise UrlError(f"{shown!r} has a second @: {ESCAPES}")
    for option in url.query:
        if option not in libpq_options():
            near = nearest(option, libpq_options())
            # What follows on a password that has an & in it looks like further options.
            named = repr(option) if near or not secrets(url) else "of such a name"
            raise UrlError(f"{shown!r}: Postgres has no connection option {named}{near}")
    return url.set(drivername="postgresql+psycopg")


def libpq_options() -> frozenset[str]:
    """The options that a Postgres URL may have after its question mark."""
    # The driver is only loaded if it is used.
    from psycopg.pq import Conninfo

    return frozenset(option.keyword.decode() for option in Conninfo.get_defaults())


def nearest(name: str, known: Collection[str]) -> str:
    """The end of a message about a name that isn't known: what it may have been meant to be."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def check_sqlite(url: URL, *, write: bool) -> URL:
    """The URL with its path made absolute; raises UrlError or NotAStudyDatabase as `check_url` does."""
    shown = hide_password(url.render_as_string(hide_password=False))
    if any((url.host, url.username, url.password, url.port, url.query)) or (url.database or "").startswith("file:"):
        raise UrlError(f"{shown!r} is more than a path (three slashes, then a relative path, no options); {VALID}")
    if not url.database or url.database == ":memory:":
        raise UrlError("a database in memory can't be shared between processes: name a file, as in sqlite:///search.db")
    path = Path(url.database).absolute()
    require_name(path)
    require_place(path)
    if write:
        require_writable(path)
    if path.exists():
        require_study_file(path)
    return url.set(drivername="sqlite", database=str(path))


def require_name(path: Path) -> None:
    """Raises UrlError unless the system, SQLite and a URL can have the path."""
    try:
        if "\0" in str(path):
            raise UrlError(f"{str(path)!r} has a NUL character in it: name another file")
        str(path).encode()  # it may lie in such a folder
        path.exists()
    except UnicodeEncodeError as error:
        raise UrlError(f"the path {str(path)!a} of the database isn't UTF-8: name a file elsewhere") from error
    except OSError as error:
        raise UrlError(f"{str(path)!r} can't be the file of a database: {error.strerror}") from error


def require_place(path: Path) -> None:
    """Raises UrlError unless there is a directory for the file, in which it may be looked for."""
    folder = path.parent
    try:
        there, is_folder = folder.is_dir(), path.is_dir()
    except PermissionError:
        raise UrlError(
            f"the directory {str(folder)!r} of the database {path.name!r} may not be entered: change its permissions, "
            "or name another file"
        ) from None
    if not there:
        raise UrlError(f"the directory {str(folder)!r} of the database {path.name!r} doesn't exist: create it first")
    if is_folder:
        raise UrlError(f"{str(path)!r} is a directory: name a file in it, such as sqlite:///{path / 'search.db'}")


def require_writable(path: Path) -> None:
    """Raises UrlError unless SQLite can write the file and its log next to it."""
    if not can_write(path.parent):
        raise UrlError(
            f"the directory {str(path.parent)!r} can't be written: SQLite keeps its log next to the database"
        )
    if path.exists() and not can_write(path):
        raise UrlError(f"the database {str(path)!r} can't be written: change its permissions, or name another file")


def require_study_file(path: Path) -> None:
    """Raises NotAStudyDatabase unless the file is an empty one, or a SQLite database of studies.

    SQLite alone opens it: closing a file ends all locks that the process has on it (POSIX), those of SQLite's open
    connections included, whose log another process would then take for abandoned and remove.
    """
    if path.stat().st_size > 0:
        require_study_tables(sqlite_tables(path), str(path))


def sqlite_tables(path: Path) -> list[str]:
    """The names of the tables in a SQLite file, read without writing anything next to it."""
    # If there is a log next to it, another process has the database open, and reading takes part in its locking.
    # Without one, a reader would create it, unless told that there are no writers.
    logged = Path(f"{path}-wal").exists()
    try:
        opened = connect_read_only(path, LOOK_S) if logged else reading(path, "immutable=1", LOOK_S)
        with contextlib.closing(opened) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise NotAStudyDatabase(
                f"{str(path)!r} isn't a SQLite database, or a damaged one: name another file; this one wasn't changed"
            ) from error
        raise NotAStudyDatabase(f"{str(path)!r} can't be read as a SQLite database: {error}") from error
    return [name for (name,) in rows]


def require_study_tables(tables: Collection[str], where: str) -> None:
    """Raises NotAStudyDatabase if there are tables, but none of Optuna's."""
    if tables and not OPTUNA_TABLES & set(tables):
        some = ", ".join(sorted(tables)[:5])
        raise NotAStudyDatabase(
            f"{where!r} holds something other than studies (tables: {some}): name another database; "
            "this one wasn't changed"
        )
