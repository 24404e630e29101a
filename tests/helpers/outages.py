"""Outages of a database, one at each query of the program."""

import os
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import OperationalError

from tests.helpers.paths import ROOT
from tests.helpers.postgres import PostgresServer

PROGRAM = f"{ROOT / 'search'}{os.sep}"


@contextmanager
def broken_at(statement: str) -> Iterator[None]:
    """Every connection breaks, as when the server goes away, whenever the statement is sent."""

    def fail(_connection: object, _cursor: object, sent: str, *_: object) -> None:
        if sent.startswith(statement):
            raise OperationalError(sent, {}, ConnectionError("server closed the connection"))

    sa.event.listen(Engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        sa.event.remove(Engine, "before_cursor_execute", fail)


@dataclass
class Outages:
    """A database that goes away in the middle of each query that is new: by its text, and by who in the program asks.

    It comes back when a process waits for it. `places` are the queries at which it was away.
    """

    server: PostgresServer
    url: str
    places: set[tuple[str, ...]] = field(default_factory=set)
    stays_away: bool = False
    active: bool = False

    def __enter__(self) -> Self:
        self.active = True
        return self

    def __exit__(self, *_: object) -> None:
        self.active = False
        self.come_back()

    def strike(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        """What SQLAlchemy calls before a query."""
        if not self.active or threading.current_thread() is not threading.main_thread():
            return
        codes = [frame.f_code for frame, _ in traceback.walk_stack(None)]
        place = (statement, *(code.co_name for code in codes if code.co_filename.startswith(PROGRAM)))
        if place in self.places:
            return
        self.places.add(place)
        self.server.shut(str(make_url(self.url).database))

    def come_back(self, _seconds: float = 0.0) -> None:
        """Lets everybody in again."""
        if not (self.active and self.stays_away):
            self.server.execute("ALTER DATABASE {} ALLOW_CONNECTIONS true", str(make_url(self.url).database))
