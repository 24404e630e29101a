"""Standard output or standard error that can't be written, because a device is full or descriptors are exhausted.

A result that can't be written is an error. Progress that can't be written isn't: the search continues without it.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from search.console.outside_text import shown
from search.host.exit_codes import EXIT_FAILED

OUTPUT, ERRORS = 1, 2  # the descriptors of standard output and standard error


class Unfailing(io.FileIO):
    """A descriptor whose writes never fail."""

    def write(self, data: Any, /) -> int:
        """Writes what can be written, and drops the rest."""
        try:
            return super().write(data) or 0
        except OSError:
            return len(memoryview(data))


def drop_unwritable_progress() -> None:
    """Makes this process's standard error accept all writes, even on a full device."""
    given = sys.stderr
    if not isinstance(given, io.TextIOWrapper) or not leads_to(given, ERRORS):
        return
    if isinstance(getattr(given.buffer, "raw", None), Unfailing):
        return
    with suppress(OSError):
        given.flush()
    buffer = io.BufferedWriter(Unfailing(ERRORS, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(buffer, given.encoding, given.errors, line_buffering=True)


@contextmanager
def machine_errors() -> Iterator[None]:
    """Ends the process with a message for errors of the machine that no other part handles, such as a full
    device or too many open files.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        print(f"Error: {shown(sentence_of(error))}.", file=sys.stderr)
        raise SystemExit(EXIT_FAILED) from None


def sentence_of(error: OSError) -> str:
    """What the machine refused, and, if known, what to do."""
    reason, place = error.strerror or str(error), "" if error.filename is None else f" ({error.filename})"
    if error.errno == errno.ENOSPC and not place and "can't" not in reason:
        return f"standard output, or a file, can't be written: {reason}"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{reason}{place}: allow more of them, as with ulimit -n 1024"
    return f"{reason}{place}"


def drop_output() -> None:
    """Discards unwritten standard output, so that the process's exit doesn't fail, too."""
    if not leads_to(sys.stdout, OUTPUT):
        return
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, OUTPUT)
        os.close(null)


def leads_to(stream: TextIO, descriptor: int) -> bool:
    """Whether it writes to that descriptor: in tests and notebooks it may be something else."""
    try:
        return stream.fileno() == descriptor
    except (AttributeError, OSError, ValueError):
        return False
