"""Pauses between tries to get what another process has: growing, as it may take long, and spread, as many may try."""

import random
import time

from storage.errors import StorageUnreachable


class GrowingPauses:
    """The pauses, in seconds, of one who has tried in vain `for_s` at most; each is `growth` times the one before, up
    to `longest_s`. `trouble` is what to say after that: the study was locked.
    """

    def __init__(self, trouble: str, for_s: float, shortest_s: float, longest_s: float, growth: float) -> None:
        self._trouble = f"{trouble} for {for_s:g} s"
        self._deadline = time.monotonic() + for_s
        self._pause, self._longest, self._growth = shortest_s, longest_s, growth

    def wait(self) -> None:
        """Waits before the next try.

        Raises:
            StorageUnreachable: the time is over.
        """
        if time.monotonic() > self._deadline:
            raise StorageUnreachable(self._trouble)
        time.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 - it spreads tries, and keeps no secret
        self._pause = min(self._growth * self._pause, self._longest)
