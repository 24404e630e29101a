"""The end of the job that a worker runs in: a cluster ends it then, whatever the worker does."""

import math
import time
from dataclasses import dataclass

from search.errors import UsageError

LEAVE_S = 15.0  # stopping the trainer takes up to 5 s, and giving the slot back a few statements


@dataclass
class JobEnd:
    """Whether another epoch fits before the job ends, judged by the longest so far.

    `at` is the end in Unix seconds, infinite where there is none; `epoch_s` the wall time of the longest epoch that is
    known, in seconds, 0 as long as none is.
    """

    at: float = math.inf
    epoch_s: float = 0.0

    def note_epoch(self, seconds: float) -> None:
        """Takes down how long an epoch took."""
        self.epoch_s = max(self.epoch_s, seconds)

    @property
    def fits_epoch(self) -> bool:
        """Whether another epoch can be trained, and its slot given back, in what is left."""
        return time.time() + self.epoch_s + LEAVE_S <= self.at

    @property
    def is_near(self) -> bool:
        """Whether it is time to give back what is in hand."""
        return time.time() + LEAVE_S > self.at

    def require_epoch(self) -> None:
        """Raises UsageError unless an epoch fits: a job that is started again and again would get nowhere."""
        if not self.fits_epoch:
            left = max(0.0, self.at - time.time())
            raise UsageError(
                f"the job ends in {left:.0f} s, where an epoch of this study takes {self.epoch_s:.0f} s and giving the "
                f"trial back {LEAVE_S:.0f} s. Give the job more time (search.cluster --time), or the worker a later "
                "--leave-before"
            )
