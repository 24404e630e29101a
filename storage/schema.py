"""Creates the tables on first use, migrates older ones, and refuses a schema newer than this release."""

import contextlib
import random
import time
from collections.abc import Iterator

import optuna
import sqlalchemy as sa
from filelock import FileLock, Timeout
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL, Connection, Engine

from storage import tables
from storage.connecting import is_sqlite, one_connection, path_of
from storage.errors import SchemaTooNew, StorageUnreachable, StorageUsageError, StudyNotFound
from storage.masking import hide_password
from storage.sqlite_file import can_be_written
from storage.transaction import unreachable, writing
from storage.url import require_study_tables

LOCK_WAIT_S = 60.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.2
LOCK_KEY = 0x6B65726173  # of the advisory lock; any number that no other program uses ("keras")
OLDEST_POSTGRES = 14  # the oldest that still gets fixes
# By the version of Optuna, which loads all of its migrations each time it is asked: for a twentieth of a second.
NEWEST_VERSIONS: dict[str, str] = {}


@contextlib.contextmanager
def creation_lock(url: URL) -> Iterator[None]:
    """Held by one process at a time while it creates tables or a study in this database. Processes that find what they
    need don't wait.

    It is a file next to a SQLite database, and an advisory lock in Postgres; either is released when its process ends.

    Raises:
        StorageUnreachable: another process held it all the time, which may end.
    """
    if is_sqlite(url):
        with file_lock(url):
            yield
    else:
        with advisory_lock(url):
            yield


def can_be_locked(url: URL) -> bool:
    """Whether this process could take the creation lock."""
    return not is_sqlite(url) or can_be_written(path_of(url))


@contextlib.contextmanager
def advisory_lock(url: URL) -> Iterator[None]:
    """The lock in a Postgres database; raises StorageUnreachable if it can't be acquired.

    A process that waits holds no connection: behind a pooler, those that wait would have all, and none be left for the
    one that creates. The lock's connection has no time-outs, as it sits idle in its transaction meanwhile.
    """
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        with one_connection(url, options="") as connection:
            if connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK_KEY))):
                yield
                return
        if time.monotonic() > deadline:
            raise StorageUnreachable(unreachable(url, f"another process has held its lock for {LOCK_WAIT_S:g} s"))
        time.sleep(random.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S))  # noqa: S311 - it spreads tries, no secret


@contextlib.contextmanager
def file_lock(url: URL) -> Iterator[None]:
    """The lock file next to a SQLite file; raises StorageUnreachable if it can't be acquired."""
    try:
        lock = FileLock(f"{url.database}.lock", timeout=LOCK_WAIT_S)
        lock.acquire()
    except Timeout:
        raise StorageUnreachable(unreachable(url, f"another process has held its lock for {LOCK_WAIT_S:g} s")) from None
    except OSError as error:
        raise StorageUnreachable(unreachable(url, f"its lock file can't be used ({error})")) from error
    try:
        yield
    finally:
        lock.release()


def is_ready(url: URL) -> bool:
    """Whether there is nothing to create: our tables exist in this release's version, and so does SQLite's log.

    Raises:
        StorageUsageError: the server is too old, or the database isn't ours, or a newer release's.
    """
    if is_sqlite(url) and not path_of(url).exists():
        return False
    with one_connection(url, "read") as connection:
        require_known_server(connection)
        require_ours(connection, url)
        version = installed_version(connection)
        if version is None:
            return False
        require_known_schema(version)
        return version == tables.SCHEMA_VERSION and (not is_sqlite(url) or logs_ahead(connection, url))


def logs_ahead(connection: Connection, url: URL) -> bool:
    """Whether a SQLite database has its write-ahead log; one that can't be written needs none."""
    return connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal" or not can_be_locked(url)


def require_ours(connection: Connection, url: URL) -> None:
    """Raises StorageUsageError if the database isn't ours, or its studies may not be read."""
    found = sa.inspect(connection).get_table_names()
    require_study_tables(found, shown(url))
    if tables.studies.name in found:
        # A user who may not read is refused here: Optuna's start would lose the connection that it fails on.
        connection.execute(sa.select(tables.studies.c.study_id).limit(1))


def require_tables(url: URL, *, create: bool) -> None:
    """Raises unless our tables are there, or may be created.

    Raises:
        StudyNotFound: they aren't, and `create` is false.
        StorageUsageError: this user has no right to create them.
    """
    with one_connection(url, "create" if create else "read") as connection:
        if installed_version(connection) is not None:
            return
        if not create:
            raise StudyNotFound(f"the database {shown(url)} holds no study of this program: a launch creates one")
        require_right_to_create(connection, shown(url))


def require_tables_as_they_are(url: URL) -> None:
    """Raises StorageUsageError for tables that are missing or old, where nothing can be changed."""
    require_tables(url, create=False)
    raise StorageUsageError(
        f"the tables in {shown(url)} are those of an earlier release, and can't be migrated without write "
        "permission: copy the database into another folder, and name it there"
    )


def shown(url: URL) -> str:
    """The URL without its password."""
    return hide_password(url.render_as_string(hide_password=False))


def require_known_server(connection: Connection) -> None:
    """Raises StorageUsageError if the Postgres server is older than those that this program is tested with."""
    if connection.dialect.name != "postgresql":
        return
    major, minor = divmod(int(connection.scalar(sa.text("SHOW server_version_num")) or 0), 10_000)
    if major < OLDEST_POSTGRES:
        raise StorageUsageError(
            f"the server is PostgreSQL {major}.{minor}, and {OLDEST_POSTGRES} is the oldest that works: upgrade it"
        )


def require_right_to_create(connection: Connection, shown: str) -> None:
    """Raises StorageUsageError if the user may not create tables: since PostgreSQL 15 only a database's owner may."""
    if connection.dialect.name != "postgresql":
        return
    right = sa.func.has_schema_privilege(sa.func.current_schema(), "CREATE")
    user, schema, granted = connection.execute(sa.select(sa.func.current_user(), sa.func.current_schema(), right)).one()
    if not granted:
        raise StorageUsageError(
            f"the user {user!r} may not create tables in {shown}: let its owner run "
            f'GRANT CREATE ON SCHEMA {schema or "public"} TO "{user}"'
        )


def prepare_tables(engine: Engine, *, create: bool) -> None:
    """Creates our tables if asked to, and migrates older ones to this release.

    Raises:
        SchemaTooNew: a newer release has changed them; nothing was changed.
    """
    with writing(engine) as connection:
        version = installed_version(connection)
        if version == tables.SCHEMA_VERSION:
            return
        if version is not None:
            require_known_schema(version)
            migrate(connection, version)
        elif create:
            tables.metadata.create_all(connection, tables=list(tables.OURS))
            connection.execute(sa.insert(tables.schema).values(id=1, version=tables.SCHEMA_VERSION))


def installed_version(connection: Connection) -> int | None:
    """The version of our tables, None if they aren't there."""
    if not sa.inspect(connection).has_table(tables.schema.name):
        return None
    version: int | None = connection.scalar(sa.select(tables.schema.c.version))
    return version


def migrate(connection: Connection, version: int) -> None:
    """Migrates tables of that version to this release. Most processes need no migration, and its library takes a while
    to import.
    """
    from storage import migrations

    migrations.migrate(connection, version, tables.SCHEMA_VERSION)
    connection.execute(sa.update(tables.schema).values(version=tables.SCHEMA_VERSION))


def require_known_optuna(storage: RDBStorage) -> None:
    """Raises if Optuna's tables are those of an older (StorageUsageError) or newer Optuna (SchemaTooNew)."""
    found, needed = storage.get_current_version(), newest_version(storage)
    if found == needed:
        return
    if found in storage.get_all_versions():
        raise StorageUsageError(
            f"the study's tables are those of an older Optuna (version {found}, and {needed} is needed): "
            f"run optuna storage upgrade --storage {hide_password(storage.url)}"
        )
    raise SchemaTooNew(
        f"the study's tables are those of a newer Optuna (version {found}, and this one knows up to {needed}): "
        "install that Optuna (pip install --upgrade optuna); nothing was changed"
    )


def newest_version(storage: RDBStorage) -> str:
    """The version that the installed Optuna gives its tables."""
    if optuna.__version__ not in NEWEST_VERSIONS:
        NEWEST_VERSIONS[optuna.__version__] = storage.get_head_version()
    return NEWEST_VERSIONS[optuna.__version__]


def require_known_schema(version: int) -> None:
    """Raises SchemaTooNew if a newer release has changed our tables."""
    if version > tables.SCHEMA_VERSION:
        raise SchemaTooNew(
            f"the study's tables have version {version}, and this release knows versions up to "
            f"{tables.SCHEMA_VERSION}: install the release that made them, or a newer one "
            "(pip install --upgrade keras-image-search); nothing was changed"
        )
