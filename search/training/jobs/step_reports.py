"""How far an epoch is, for people who wait for a long one: short ones are over before anything is said."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from search.training.epochs.epochs import Stop

FIRST_S = 2.0
EVERY_S = 1.0


@dataclass
class StepReports:
    """A Stop that also counts how often it is asked. From two seconds after the epoch's beginning on, at most once a
    second, it reports how many of the epoch's `steps` are done at least; a runner takes `steps_per_stop` of them
    between two questions. Seconds are those of `clock`.
    """

    stop: Stop
    steps: int
    steps_per_stop: int
    report: Callable[[int], None]
    clock: Callable[[], float] = time.monotonic
    _asked: int = 0
    _due: float = math.inf

    def begin(self) -> None:
        """Call it when an epoch begins."""
        self._asked, self._due = 0, self.clock() + FIRST_S

    def __call__(self) -> bool:
        """Whether to stop."""
        self._asked += 1
        if self.clock() >= self._due:
            # Two questions come before the first steps are done: one of the epoch, one of its runner.
            self.report(min(max(self._asked - 2, 0) * self.steps_per_stop, self.steps))
            self._due = self.clock() + EVERY_S
        return self.stop()
