"""Leaving when told to: SIGINT, SIGTERM or SIGHUP asks for an orderly end, a second Ctrl-C ends at once."""

import contextlib
import os
import queue
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Self

from search.host.exit_codes import EXIT_DONE, EXIT_INTERRUPTED, EXIT_UNFINISHED

HANGUP_NOTICE = b"\nSIGHUP, as when a terminal is closed: this ends in order, and the same command continues it.\n"


class Shutdown:
    """Turns SIGINT, SIGTERM and SIGHUP into a request that the work in hand can look for
    (`with Shutdown() as shutdown:`). SIGHUP is left alone where it is ignored, as under nohup.

    A request that is repeated is the same request: job managers signal all processes of a job, and then those that
    started the others pass the signal on. What ends the process at once is SIGINT after any of them, and SIGTERM after
    SIGINT; `at_once` runs before that.
    """

    def __init__(self, at_once: Callable[[], None] = lambda: None) -> None:
        self._at_once = at_once
        self._requested = False
        self._woken = queue.SimpleQueue[None]()  # no lock: a handler could wait for one that the code below it holds
        self._terminals: list[int] = []
        self.signal: int | None = None

    def __enter__(self) -> Self:
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self._terminals = terminals()
        self._previous = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self._requested

    def request(self) -> None:
        """Asks for an orderly end, as a signal would."""
        self._requested = True
        self._woken.put(None)

    def wait(self, seconds: float) -> bool:
        """Waits until an end is requested, at most so many seconds; whether it was."""
        if not self._requested:
            with contextlib.suppress(queue.Empty):
                self._woken.get(timeout=seconds)
        return self._requested

    @property
    def exit_code(self) -> int:
        """That of a process which has left something to be done: 130 after SIGINT, 75 after the others, by which
        process managers end what they started. 0 if no end was requested.
        """
        if self.signal == signal.SIGINT:
            return EXIT_INTERRUPTED
        return EXIT_UNFINISHED if self._requested else EXIT_DONE

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        first, self.signal = self.signal, self.signal or number  # at once: another signal may come with the next line
        if first is not None and ends_at_once(first, number):
            self._at_once()
            os._exit(EXIT_INTERRUPTED)
        if number == signal.SIGHUP:
            leave_terminals(self._terminals)
        self.request()


def ends_at_once(first: int, number: int) -> bool:
    """Whether a signal that comes after another asks for more than that has asked for."""
    return number == signal.SIGINT or (first == signal.SIGINT and number == signal.SIGTERM)


def terminals() -> list[int]:
    """The descriptors that this process writes to a terminal with."""
    descriptors = [int(path.name) for path in Path("/dev/fd").iterdir()]
    return [descriptor for descriptor in descriptors if descriptor > 0 and os.isatty(descriptor)]


def leave_terminals(descriptors: Iterable[int]) -> None:
    """Says that the terminal is closed, should it still be seen, and writes no more to it: each write would fail."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.write(descriptor, HANGUP_NOTICE)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
