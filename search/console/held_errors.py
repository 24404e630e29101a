"""Holds back what libraries write to the descriptor of standard error, until something fails.

On every machine without a GPU, TensorFlow prints from C++ that there is none, before this can be turned off.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from typing import BinaryIO, TextIO

from search.console.outside_text import shown
from search.errors import SearchError
from spaces.errors import SpaceError

ERRORS = 2  # the descriptor of standard error


@contextmanager
def errors_held_back() -> Iterator[None]:
    """Within the block, the descriptor leads to a file, which is shown if the block fails unexpectedly. Python's own
    output to `sys.stderr` is still shown. Only for blocks that start no process.
    """
    try:
        kept = os.dup(ERRORS)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as held, os.fdopen(kept, "w", 1, "utf-8", "backslashreplace") as ours:
        given = sys.stderr
        given.flush()
        os.dup2(held.fileno(), ERRORS)
        try:
            with redirect_stderr(ours if _is_descriptor(given) else given):
                yield
        except (SearchError, SpaceError):  # the message is enough
            raise
        except Exception:
            _lead_back(kept)
            _show(held)
            raise
        finally:
            _lead_back(kept)


def _is_descriptor(stream: TextIO) -> bool:
    """Whether it writes to the descriptor: in tests and notebooks it may be something else."""
    with suppress(AttributeError, OSError, ValueError):
        return stream.fileno() == ERRORS
    return False


def _lead_back(kept: int) -> None:
    os.dup2(kept, ERRORS)


def _show(held: BinaryIO) -> None:
    held.seek(0)
    sys.stderr.write(shown(held.read().decode(errors="backslashreplace")))
    sys.stderr.flush()
