"""What a parameter may be: one of some choices, or a number between two bounds."""

import math
from dataclasses import dataclass

from spaces.configuration import Scalar


@dataclass(frozen=True)
class Choices:
    """One of the values."""

    values: tuple[Scalar, ...]

    def contains(self, value: Scalar) -> bool:
        """Whether it is one of them, of the same type: True isn't 1."""
        return any(type(value) is type(choice) and value == choice for choice in self.values)

    def __str__(self) -> str:
        return "{" + ", ".join(str(value) for value in self.values) + "}"


@dataclass(frozen=True)
class Interval:
    """A number in [low, high]. A `step` makes it discrete; an integer always has one. `log`: a logarithmic scale."""

    low: float
    high: float
    step: float | None = None
    log: bool = False
    integer: bool = False

    def contains(self, value: Scalar) -> bool:
        """Whether it is a number within the bounds and on a step, an integer where it must be one."""
        if isinstance(value, bool | str) or (self.integer and not isinstance(value, int)):
            return False
        on_step = self.step is None or math.isclose(
            self.at_step(round((value - self.low) / self.step)), value, abs_tol=1e-12
        )
        return self.low <= value <= self.high and on_step

    def steps(self) -> int:
        """The number of steps from `low` to the last value within `high`; only where there is a step."""
        if self.step is None:
            raise ValueError("a continuous interval has no steps")
        return math.floor((self.high - self.low) / self.step + 1e-9)

    def at_step(self, index: int) -> float:
        """The value `index` steps above `low`."""
        if self.step is None:
            raise ValueError("a continuous interval has no steps")
        value = min(self.low + index * self.step, self.high)
        return round(value) if self.integer else value

    def at_share(self, share: float) -> float:
        """The value at a share, in [0, 1], of the way from `low` to `high` on the interval's scale."""
        if share in (0, 1):
            return self.high if share else self.low
        if self.log:
            value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + share * (self.high - self.low)
        return min(max(value, self.low), self.high)

    def __str__(self) -> str:
        scale = ", log scale" if self.log else ""
        step = f", step {self.step:g}" if self.step is not None and not (self.integer and self.step == 1) else ""
        kind = "integer in " if self.integer else ""
        return f"{kind}[{self.low:g}, {self.high:g}]{step}{scale}"


Distribution = Choices | Interval
