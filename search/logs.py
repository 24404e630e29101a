"""Logs, on standard error: of commands, and of trainers, whose standard error is a file."""

import logging
import sys

from search.outside_text import shown

FORMAT = "%(asctime)s %(levelname)s %(message)s"


class ShownFormatter(logging.Formatter):
    """Escapes what a terminal would obey: names of files and messages of other programs are logged, too."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return shown(super().format(record))


def log_to_errors(level: int) -> None:
    """Logs to standard error, and nowhere else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ShownFormatter(FORMAT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
