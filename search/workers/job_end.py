"""The end of the cluster job in which a worker runs."""

import math
import time
from dataclasses import dataclass

from search.errors import UsageError

LEAVE_S = 15.0  # stopping the trainer takes up to 5 s, and giving the slot back a few statements


@dataclass
class JobEnd:
    """Whether another epoch fits before the job ends, judged by the longest so far.

    `at` is the end in Unix seconds, infinite without one; `epoch_s` is the wall time of the longest known epoch in
    seconds, 0 while none is known.
    """

    at: float = math.inf
    epoch_s: float = 0.0

    def note_epoch(self, seconds: float) -> None:
        """Records how long an epoch took."""
        self.epoch_s = max(self.epoch_s, seconds)

    @property
    def fits_epoch(self) -> bool:
        """Whether the time left is enough to train another epoch and release its slot."""
        return time.time() + self.epoch_s + LEAVE_S <= self.at

    @property
    def is_near(self) -> bool:
        """Whether it is time to release the current slot."""
        return time.time() + LEAVE_S > self.at

    def require_epoch(self) -> None:
        """Raises UsageError unless an epoch fits: a job that is restarted repeatedly would make no progress."""
        if not self.fits_epoch:
            left = max(0.0, self.at - time.time())
            raise UsageError(
                f"the job ends in {left:.0f} s, where an epoch of this study takes {self.epoch_s:.0f} s and giving the "
                f"trial back {LEAVE_S:.0f} s. Give the job more time (search.cluster --time), or the worker a later "
                "--leave-before"
            )
