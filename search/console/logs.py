"""Logs, on standard error: of commands, and of trainers, whose standard error is a file."""

import logging
import sys
import threading
from collections.abc import Callable
from typing import TextIO

from search.console.outside_text import shown

FORMAT = "%(asctime)s %(levelname)s %(origin)s%(message)s"


class ShownFormatter(logging.Formatter):
    """Escapes what a terminal would interpret, as file names and messages of other programs are logged, too. `hide`
    masks secrets. What another thread than the main one says begins with the thread's name, which is that of a worker
    where a process has several.
    """

    def __init__(self, words: str, hide: Callable[[str], str] = str) -> None:
        super().__init__(words)
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        record.origin = "" if record.thread == threading.main_thread().ident else f"{record.threadName}: "
        return shown(self._hide(super().format(record)))


class ErrorsHandler(logging.StreamHandler[TextIO]):
    """Writes to the current standard error: see `search/console/held_errors.py`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record."""
        self.stream = sys.stderr
        super().emit(record)


def log_to_errors(level: int, hide: Callable[[str], str] = str) -> None:
    """Logs only to standard error; `hide` masks secrets. Of what SQLAlchemy says of its connections, warnings."""
    handler = ErrorsHandler(sys.stderr)
    handler.setFormatter(ShownFormatter(FORMAT, hide))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("sqlalchemy").setLevel(max(level, logging.WARNING))
