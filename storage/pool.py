"""A process's connections to a server: its threads take turns on few, and open another only if all are in use for long.

A study may have a thousand workers, and a server allows 100 connections by default. A thread of each worker renews its
lease: if that needed a second connection, a full server would take leases away from workers that are well.
"""

import select
import threading
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

if TYPE_CHECKING:
    from sqlalchemy.pool import PoolProxiedConnection

TURN_S = 0.5
SOON_S = 0.0005  # between a connection's last use and its return
LOOK_S = 0.05  # a connection that is lost isn't returned


class TurnPool(QueuePool):
    """A pool whose threads take turns: one that finds as many connections in use as are kept open waits for one, up to
    `TURN_S` seconds, before it opens another. Inside a transaction of its own, a thread gets a second connection at
    once.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._turn = threading.Lock()
        self._used = threading.Event()
        self._own = threading.local()

    def connect(self) -> "PoolProxiedConnection":
        """A connection, when it is this thread's turn."""
        if self._has_one():
            return super().connect()
        deadline = time.monotonic() + TURN_S
        first = self._turn.acquire(timeout=TURN_S)
        try:
            self.wait_until_free(deadline)
            taken = super().connect()
        finally:
            if first:
                self._turn.release()
        self._own.taken = weakref.ref(taken)
        return taken

    def note_used(self) -> None:
        """Notes that a connection is about to be returned."""
        self._used.set()

    def wait_until_free(self, deadline: float) -> None:
        """Waits until fewer connections are in use than are kept, or the deadline (`time.monotonic()`) has passed."""
        self._used.clear()
        while self.checkedout() >= self.size() and (left := deadline - time.monotonic()) > 0:
            if self._used.wait(min(left, LOOK_S)):
                self._used.clear()
                time.sleep(SOON_S)

    def _has_one(self) -> bool:
        taken: weakref.ref[PoolProxiedConnection] | None = getattr(self._own, "taken", None)
        connection = None if taken is None else taken()
        return connection is not None and connection.is_valid


def take_turns(engine: Engine) -> None:
    """Wakes who waits for a connection of the engine as soon as one is returned."""
    sa.event.listen(engine, "checkin", partial(wake_next, engine))


def wake_next(engine: Engine, _connection: object, _record: object) -> None:
    """Tells an engine's pool that a connection is about to be returned."""
    if isinstance(engine.pool, TurnPool):
        engine.pool.note_used()


def replace_closed(engine: Engine) -> None:
    """Makes the engine replace connections that the server has closed, when they are taken from its pool.

    An open one has nothing to say between two transactions, which is seen without a round trip. A closed one ends with
    a message: one that has something to say is asked whether it is alive.
    """
    sa.event.listen(engine, "checkout", partial(require_alive, engine))


def require_alive(engine: Engine, connection: Any, _record: object, _proxy: object) -> None:
    """Raises DisconnectionError, upon which the pool makes a new connection, if the server has closed this one."""
    if not (connection.closed or has_something_to_say(connection.fileno())):
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError(str(error)) from error


def has_something_to_say(descriptor: int) -> bool:
    """Whether anything can be read from a socket, its end included."""
    look = select.poll()
    look.register(descriptor, select.POLLIN)
    return bool(look.poll(0))
