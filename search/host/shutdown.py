"""Graceful exit: SIGINT, SIGTERM or SIGHUP requests it, a second Ctrl-C ends the process at once."""

import contextlib
import os
import queue
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Self

from search.host.ends import End
from search.host.exit_codes import EXIT_INTERRUPTED

HANGUP_NOTICE = b"\nSIGHUP, as when a terminal is closed: this ends in order, and the same command continues it.\n"


class Shutdown:
    """Turns SIGINT, SIGTERM and SIGHUP into a request that the current work can check (`with Shutdown() as shutdown:`).
    SIGHUP stays ignored if it is, as under nohup.

    A repeated request counts once: job managers signal all processes of a job, and parent processes then pass the
    signal on. SIGINT after any of them, and SIGTERM after SIGINT, end the process at once; `at_once` runs before that.
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
        """Requests a graceful exit, as a signal would."""
        self._requested = True
        self._woken.put(None)

    def wake(self) -> None:
        """Ends a wait early, without a request: the one that is going on, or else the next."""
        self._woken.put(None)

    def wait(self, seconds: float) -> bool:
        """Waits for a request, at most this many seconds; returns whether there was one."""
        if not self._requested:
            with contextlib.suppress(queue.Empty):
                self._woken.get(timeout=seconds)
                while True:  # one wait is ended by all that came so far
                    self._woken.get_nowait()
        return self._requested

    @property
    def end(self) -> End:
        """How a process ends that leaves work unfinished because of the request: INTERRUPTED after SIGINT, UNFINISHED
        after the signals that process managers send. DONE without a request.
        """
        if self.signal == signal.SIGINT:
            return End.INTERRUPTED
        return End.UNFINISHED if self._requested else End.DONE

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        first, self.signal = self.signal, self.signal or number  # at once: another signal may come with the next line
        if first is not None and ends_at_once(first, number):
            self._at_once()
            os._exit(EXIT_INTERRUPTED)
        if number == signal.SIGHUP:
            leave_terminals(self._terminals)
        self.request()


def ends_at_once(first: int, number: int) -> bool:
    """Whether a signal after another one ends the process at once."""
    return number == signal.SIGINT or (first == signal.SIGINT and number == signal.SIGTERM)


def terminals() -> list[int]:
    """This process's descriptors that write to a terminal."""
    descriptors = [int(path.name) for path in Path("/dev/fd").iterdir()]
    return [descriptor for descriptor in descriptors if descriptor > 0 and os.isatty(descriptor)]


def leave_terminals(descriptors: Iterable[int]) -> None:
    """Prints that the terminal is closed, in case it is still visible, and stops writing to it, as each write would
    fail.
    """
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.write(descriptor, HANGUP_NOTICE)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
