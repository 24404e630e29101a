"""What a space asks a trial for, in Python's own types, or refused with the parameter's name.

Optuna takes some questions that its storages can't keep, or fails on them in the middle of a search; here the same
question has the same answer, or the same refusal, in every trial.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spaces.configuration import Scalar
from spaces.distributions import Choices, Interval
from spaces.errors import SpaceError
from spaces.space import Trial

LARGEST_INTEGER = 2**53  # Optuna's storages keep parameters as floats, which leave out integers beyond
SCALARS = "every storage keeps texts, numbers and truth values, and only those"


@dataclass(frozen=True)
class PlainTrial:
    """A trial of any kind that is asked plain questions only: those of NumPy's scalars become Python's.

    Raises (from each `suggest_...`):
        SpaceError: no storage could keep what is asked for; says why.
    """

    trial: Trial

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""
        require_name(name)
        answers: Sequence[Any] = asked_choices(name, choices).values
        return self.trial.suggest_categorical(name, answers)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number in [low, high]."""
        require_name(name)
        asked = asked_float(name, low, high, step=step, log=log)
        return self.trial.suggest_float(name, asked.low, asked.high, step=asked.step, log=asked.log)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """An integer in [low, high]."""
        require_name(name)
        asked = asked_int(name, low, high, step=step, log=log)
        return self.trial.suggest_int(name, int(asked.low), int(asked.high), step=int(asked.step or 1), log=asked.log)


def require_name(name: object) -> None:
    """Raises SpaceError unless it can be a parameter's name."""
    require(isinstance(name, str) and bool(name), f"a parameter's name is a text, not {name!r}")


def asked_choices(name: str, choices: Any) -> Choices:
    """The choices of a parameter; raises SpaceError unless they are a list of different scalars."""
    if isinstance(choices, set | frozenset):
        listed = sorted(choices, key=lambda choice: (str(type(choice)), len(str(choice)), str(choice)))
        raise SpaceError(f"the choices of {name!r} are a set, which has no order: give a list, such as {listed}")
    if isinstance(choices, str | bytes):
        raise SpaceError(f"the choices of {name!r} are the one text {choices!r}: give a list of them, [{choices!r}]")
    plain = choices.tolist() if hasattr(choices, "tolist") else choices  # an array of NumPy's
    if not isinstance(plain, Sequence):
        raise SpaceError(f"the choices of {name!r} are a {type(choices).__name__}: give a list, as in list(...)")
    require(len(plain) >= 1, f"{name!r} has no choices")
    values = tuple(_choice(name, choice) for choice in plain)
    require(len(set(values)) == len(values), f"{name!r} has a choice twice: {list(values)}")
    return Choices(values)


def asked_float(name: str, low: Any, high: Any, *, step: Any, log: Any) -> Interval:
    """The range of a number; raises SpaceError unless it is one."""
    lowest, highest = _number(name, "lower bound", low), _number(name, "upper bound", high)
    width = None if step is None else float(_number(name, "step", step))
    return _checked(name, Interval(float(lowest), float(highest), width, _flag(name, log)))


def asked_int(name: str, low: Any, high: Any, *, step: Any, log: Any) -> Interval:
    """The range of an integer; raises SpaceError unless it is one."""
    lowest, highest = _number(name, "lower bound", low), _number(name, "upper bound", high)
    width, scale = _number(name, "step", step), _flag(name, log)
    require(
        isinstance(lowest, int) and isinstance(highest, int),
        f"the bounds of the integer {name!r} are integers, not {low} and {high}",
    )
    require(
        max(abs(lowest), abs(highest)) <= LARGEST_INTEGER,
        f"the bounds of the integer {name!r} are {low} and {high}: no study keeps those beyond {LARGEST_INTEGER}",
    )
    require(isinstance(width, int), f"the step of the integer {name!r} is an integer, not {step}")
    require(width == 1 or not scale, f"{name!r} has a step and a logarithmic scale: choose one")
    return _checked(name, Interval(lowest, highest, width, scale, integer=True))


def require(holds: bool, message: str) -> None:
    """Raises SpaceError with the message unless it holds."""
    if not holds:
        raise SpaceError(message)


def _choice(name: str, choice: Any) -> Scalar:
    value = _plain(choice)
    require(isinstance(value, str | int | float | bool), f"a choice of {name!r} is {choice!r}: {SCALARS}")
    require(
        not isinstance(value, float) or math.isfinite(value),
        f"a choice of {name!r} is {choice!r}: no study can keep a number that isn't finite",
    )
    plain: Scalar = value
    return plain


def _number(name: str, part: str, given: Any) -> int | float:
    value = _plain(given)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpaceError(f"the {part} of {name!r} is {given!r}: give a number")
    require(not math.isnan(value), f"the {part} of {name!r} is not a number (NaN)")
    return value


def _flag(name: str, given: Any) -> bool:
    value = _plain(given)
    require(isinstance(value, bool), f"log of {name!r} is {given!r}: give True or False")
    return bool(value)


def _plain(value: Any) -> Any:
    """Python's own scalar of the same value: those of NumPy, which needn't be imported for this, know theirs. A text,
    number or truth value of a derived type, such as a member of an enumeration, becomes the plain one.
    """
    if callable(getattr(value, "item", None)) and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, str):
        return str.__str__(value)  # str() of a member of an enumeration is its name
    kind = next((kind for kind in (bool, int, float) if isinstance(value, kind)), None)
    return value if kind is None else kind(value)


def _checked(name: str, interval: Interval) -> Interval:
    bounds = f"[{interval.low}, {interval.high}]"
    require(math.isfinite(interval.low) and math.isfinite(interval.high), f"{name!r} has infinite bounds {bounds}")
    require(interval.low <= interval.high, f"{name!r} has its bounds the wrong way round: {bounds}")
    require(not interval.log or interval.low > 0, f"{name!r} has a logarithmic scale, and a lower bound {interval.low}")
    require(
        interval.step is None or (interval.step > 0 and math.isfinite(interval.step)),
        f"{name!r} has a step of {interval.step}",
    )
    require(
        interval.integer or interval.step is None or not interval.log,
        f"{name!r} has a step and a logarithmic scale: choose one",
    )
    return interval
