"""Leaving when told to: the first SIGINT or SIGTERM asks for an orderly end, the second ends at once."""

import contextlib
import os
import queue
import signal
from collections.abc import Callable
from types import FrameType
from typing import Self

INTERRUPTED = 130


class Shutdown:
    """Turns SIGINT and SIGTERM into a request that the work in hand can look for (`with Shutdown() as shutdown:`).

    `at_once` runs before the process ends on the second signal.
    """

    def __init__(self, at_once: Callable[[], None] = lambda: None) -> None:
        self._at_once = at_once
        self._requested = False
        self._woken = queue.SimpleQueue[None]()  # no lock: a handler could wait for one that the code below it holds
        self.signal: int | None = None

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
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
        """0 after SIGTERM, by which process managers end what they started; 130 after SIGINT."""
        return INTERRUPTED if self.signal == signal.SIGINT else 0

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            self._at_once()
            os._exit(INTERRUPTED)
        self.signal = number
        self.request()
