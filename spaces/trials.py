"""Trials without a study: they answer what a space asks, note it down, and refuse what no sampler could answer.

A space is checked, enumerated and documented with them, without Optuna.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spaces.configuration import Scalar
from spaces.errors import SpaceError


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
Pick = Callable[[str, Distribution], Scalar]


class DryTrial:
    """Answers each parameter with what `pick(name, distribution)` returns.

    `params` and `distributions` hold what has been asked, in the order of asking. A `Trial` in the sense of
    `spaces.space`.

    Raises (from each `suggest_...`):
        SpaceError: the name is no text, the choices or bounds are none, or the name was asked before with others.
    """

    def __init__(self, pick: Pick) -> None:
        self._pick = pick
        self.params: dict[str, Scalar] = {}
        self.distributions: dict[str, Distribution] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""
        return self._answer(name, _choices(name, choices))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number in [low, high]."""
        value = self._answer(name, _interval(name, Interval(float(low), float(high), step, log)))
        return float(value)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """An integer in [low, high]."""
        for bound in (low, high):
            _require(isinstance(bound, int), f"the bounds of the integer {name!r} are integers, not {low} and {high}")
        _require(step == 1 or not log, f"{name!r} has a step and a logarithmic scale: choose one")
        return int(self._answer(name, _interval(name, Interval(low, high, step, log, integer=True))))

    def _answer(self, name: str, distribution: Distribution) -> Scalar:
        _require(isinstance(name, str) and bool(name), f"a parameter's name is a text, not {name!r}")
        asked = self.distributions.setdefault(name, distribution)
        _require(asked == distribution, f"{name!r} is asked for twice in one trial, as {asked} and as {distribution}")
        if name not in self.params:
            self.params[name] = self._pick(name, distribution)
        return self.params[name]


def random_trial(seed: int) -> DryTrial:
    """A trial that answers at random, the same for the same seed."""
    source = random.Random(seed)  # noqa: S311 - it chooses examples, no secrets

    def pick(_: str, distribution: Distribution) -> Scalar:
        if isinstance(distribution, Choices):
            return source.choice(distribution.values)
        if distribution.step is not None and not distribution.log:
            return distribution.at_step(source.randint(0, distribution.steps()))
        value = distribution.at_share(source.random())
        return round(value) if distribution.integer else value

    return DryTrial(pick)


def fixed_trial(params: Mapping[str, Scalar]) -> DryTrial:
    """A trial that answers with the given parameters.

    Raises (from each `suggest_...`):
        SpaceError: a parameter is missing, or its value outside its range.
    """

    def pick(name: str, distribution: Distribution) -> Scalar:
        _require(name in params, f"the parameter {name!r} is missing; it is one of {distribution}")
        _require(distribution.contains(params[name]), f"{name} = {params[name]!r} is outside {distribution}")
        return params[name]

    return DryTrial(pick)


def _choices(name: str, choices: Sequence[Any]) -> Choices:
    _require(len(choices) >= 1, f"{name!r} has no choices")
    for choice in choices:
        _require(
            isinstance(choice, str | int | float | bool),
            f"a choice of {name!r} is {choice!r}: every storage keeps texts, numbers and truth values, and only those",
        )
    _require(len(set(choices)) == len(choices), f"{name!r} has a choice twice: {list(choices)}")
    return Choices(tuple(choices))


def _interval(name: str, interval: Interval) -> Interval:
    bounds = f"[{interval.low}, {interval.high}]"
    _require(math.isfinite(interval.low) and math.isfinite(interval.high), f"{name!r} has infinite bounds {bounds}")
    _require(interval.low <= interval.high, f"{name!r} has its bounds the wrong way round: {bounds}")
    _require(
        not interval.log or interval.low > 0, f"{name!r} has a logarithmic scale, and a lower bound {interval.low}"
    )
    _require(interval.step is None or interval.step > 0, f"{name!r} has a step of {interval.step}")
    _require(
        interval.integer or interval.step is None or not interval.log,
        f"{name!r} has a step and a logarithmic scale: choose one",
    )
    return interval


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise SpaceError(message)
