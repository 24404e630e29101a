"""Logs, on standard error: of commands, and of trainers, whose standard error is a file."""

import logging
import sys
from collections.abc import Callable
from typing import TextIO

from search.console.outside_text import shown

FORMAT = "%(asctime)s %(levelname)s %(message)s"


class ShownFormatter(logging.Formatter):
    """Escapes what a terminal would obey: names of files and messages of other programs are logged, too. `hide` takes
    out what nobody may see.
    """

    def __init__(self, words: str, hide: Callable[[str], str] = str) -> None:
        super().__init__(words)
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return shown(self._hide(super().format(record)))


class ErrorsHandler(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at the moment: see `search/console/held_errors.py`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record."""
        self.stream = sys.stderr
        super().emit(record)


def log_to_errors(level: int, hide: Callable[[str], str] = str) -> None:
    """Logs to standard error, and nowhere else; `hide` takes out what nobody may see."""
    handler = ErrorsHandler(sys.stderr)
    handler.setFormatter(ShownFormatter(FORMAT, hide))
    logging.basicConfig(level=level, handlers=[handler], force=True)
