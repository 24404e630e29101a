"""Databases behind a pooler, such as PgBouncer in transaction mode, which lends its few connections for a transaction.

A pooler may refuse the time-outs that are asked for with each connection, or leave them out without a word. Then each
transaction sets them for itself, unless the database or the role has a time-out of its own.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")

TIME_OUTS = {"statement_timeout": "60s", "lock_timeout": "30s", "idle_in_transaction_session_timeout": "60s"}
AS_OPTIONS = " ".join(f"-c {name}={value}" for name, value in TIME_OUTS.items())

UNLIMITED = "search_unlimited"  # in the info of a connection on which statements have no time-out
SET_TIME_OUTS = sa.select(*[sa.func.set_config(name, value, sa.true()) for name, value in TIME_OUTS.items()])


def refuses_options(error: DBAPIError) -> bool:
    """Whether a pooler has refused a connection because of the time-outs that were asked for with it."""
    return "unsupported startup parameter" in str(error.orig) and "options" in str(error.orig)


def as_accepted(url: URL, look: Callable[[URL], T]) -> tuple[URL, T]:
    """The URL with which the server takes connections, and what a look at it gives: without time-outs where a pooler
    refuses them, unless the URL itself asks for options.
    """
    try:
        return url, look(url)
    except DBAPIError as error:
        if not refuses_options(error) or "options" in url.query:
            raise
    plain = url.update_query_dict({"options": ""})
    return plain, look(plain)


def limit_transactions(engine: Engine) -> None:
    """Makes each transaction of a Postgres engine set its time-outs, on connections that have none, unless the URL asks
    for other options.
    """
    if engine.url.query.get("options"):
        return
    sa.event.listen(engine, "connect", note_whether_limited)
    sa.event.listen(engine, "begin", set_time_outs)


def note_whether_limited(connection: Any, record: Any) -> None:
    """Notes whether statements on a new connection have a time-out."""
    before, connection.autocommit = connection.autocommit, True
    [(value,)] = connection.execute("SHOW statement_timeout").fetchall()
    connection.autocommit = before
    record.info[UNLIMITED] = value == "0"


def is_unlimited(connection: Connection) -> bool:
    """Whether statements on the connection have no time-out unless a transaction sets it."""
    return bool(connection.info.get(UNLIMITED, False))


def set_time_outs(connection: Connection) -> None:
    """Sets the time-outs until the end of the transaction that begins, if the connection has none."""
    if is_unlimited(connection):
        connection.execute(SET_TIME_OUTS)
