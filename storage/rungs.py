"""The rule of promotion: at which rungs trials are paused, and how many of them go on (storage/promotion.py)."""

import math

import msgspec

from spaces.metrics import Direction


class Rungs(msgspec.Struct, frozen=True):
    """The rule: after which `epochs`, in order, trials are judged; one in `reduction`, rounded down, is promoted. In
    the end at least `fewest` trials are complete, and one in `reduction`, rounded up, of those that came to the last
    rung.
    """

    epochs: tuple[int, ...]
    direction: Direction
    reduction: int = 3
    fewest: int = 3

    def promoted_of(self, reached: int) -> int:
        """How many of the best are promoted where this many trials have come to a rung."""
        return reached // self.reduction

    def completed_of(self, reached_last: int) -> int:
        """How many trials are to be complete in the end, if this many have come to the last rung."""
        return max(self.fewest, math.ceil(reached_last / self.reduction))
