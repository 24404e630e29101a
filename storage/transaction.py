"""Transactions that only read, transactions that write, and the one place where a database's errors become ours."""

import contextlib
from collections.abc import Iterator

from optuna.exceptions import StorageInternalError
from sqlalchemy import exc
from sqlalchemy.engine import URL, Connection, Engine

from storage.errors import StorageError, StorageUnreachable, StorageUsageError, StudyNotFound
from storage.masking import MASK, hide_password, secrets
from storage.pooler import is_unlimited

READING = "search_reading"
INSUFFICIENT_PRIVILEGE = "42501"

# These mean a mistake in a query or its data, whichever database gets them; they stay what they are.
MISTAKES = (exc.DataError, exc.IntegrityError, exc.NotSupportedError, exc.ProgrammingError)


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and waits for no writer."""
    with translated(engine.url), engine.execution_options(**{READING: True}).begin() as connection:
        yield connection


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; what it reads stays true until it commits, on SQLite, or where it locks the rows."""
    with translated(engine.url), engine.begin() as connection:
        yield connection


@contextlib.contextmanager
def at_once(engine: Engine) -> Iterator[Connection]:
    """A connection for single statements, each of which is a transaction without round trips of its own. On SQLite, and
    where only a transaction can set a time-out, one transaction for all of them.
    """
    if engine.dialect.name != "postgresql":
        with writing(engine) as connection:
            yield connection
        return
    with translated(engine.url), engine.connect() as connection:
        if is_unlimited(connection):
            with connection.begin():
                yield connection
        else:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextlib.contextmanager
def looking_at_once(engine: Engine) -> Iterator[Connection]:
    """As `at_once`, for queries that only read: on SQLite they wait for no writer. On Postgres each sees what is there
    when it begins, as it would in a transaction of `reading`.
    """
    with at_once(engine) if engine.dialect.name == "postgresql" else reading(engine) as connection:
        yield connection


def only_reads(connection: Connection) -> bool:
    """Whether the transaction was opened by `reading`."""
    return bool(connection.get_execution_options().get(READING, False))


@contextlib.contextmanager
def translated(url: URL) -> Iterator[None]:
    """Raises StorageUnreachable, without the password, where the database or Optuna's storage reports a failure."""
    try:
        yield
    except (exc.SQLAlchemyError, StorageInternalError) as error:
        ours = as_storage_error(error, url)
        if ours is None:
            raise
        raise ours from None


def as_storage_error(error: BaseException | None, url: URL) -> StorageError | None:
    """The error in our terms, None if it is a mistake in a query."""
    if isinstance(error, StorageInternalError):
        return as_storage_error(error.__cause__, url)
    if isinstance(error, exc.IntegrityError) and "foreign key" in str(error.orig).lower():
        return StudyNotFound("the study was deleted while it was in use")
    if isinstance(error, exc.DBAPIError):
        if getattr(error.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE:
            return StorageUsageError(unreachable(url, str(error.orig)))
        # Without a statement it is the connection that failed, whatever the driver calls it.
        if isinstance(error, MISTAKES) and error.statement is not None and not error.connection_invalidated:
            return None
        return StorageUnreachable(unreachable(url, str(error.orig)))
    if isinstance(error, exc.PendingRollbackError):
        return StorageUnreachable(unreachable(url, "the connection was lost in the middle of a transaction"))
    if isinstance(error, exc.TimeoutError):
        return StorageUnreachable(unreachable(url, "all connections of this process are in use"))
    return None


def unreachable(url: URL, reason: str) -> str:
    """The message for a database that fails for that reason."""
    for secret in secrets(url):
        reason = reason.replace(secret, MASK)
    shown = hide_password(url.render_as_string(hide_password=False))
    return f"the database {shown} can't be used: {' '.join(reason.split())}"
