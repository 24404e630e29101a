"""A part of a space: some choices of a parameter, a part of its range, or one value of it.

optimizer=adam,rmsprop      only these choices, or these values of a number
learning_rate=1e-4:1e-2     a part of the range, or the choices between two numbers
dropout_rate=0.3            one value throughout
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from spaces.configuration import Configuration, Scalar
from spaces.contract import check_baseline, parameters
from spaces.distributions import Choices, Distribution, Interval
from spaces.errors import SpaceError
from spaces.names import unknown_name
from spaces.space import Baseline, Space, Trial

Range = tuple[float, float]


@dataclass(frozen=True)
class Narrowing:
    """What is left of a space's parameters, by their names: values, in the order of the space, ranges, one value each.
    A name is in one of the three at most.
    """

    only: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    fixed: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that are narrowed."""
        return (*self.only, *self.ranges, *self.fixed)

    def __str__(self) -> str:
        """What is left, as the space's own parameters are written."""
        listed = [f"{name} {Choices(values)}" for name, values in self.only.items()]
        bounded = [f"{name} {Interval(*bounds)}" for name, bounds in self.ranges.items()]
        return ", ".join([*listed, *bounded, *(f"{name} {value}" for name, value in self.fixed.items())])

    def values(self, name: str) -> tuple[Scalar, ...] | None:
        """The values that a parameter may have; None unless they are listed."""
        return (self.fixed[name],) if name in self.fixed else self.only.get(name)


def parse_narrowing(space: Space, only: Sequence[str], ranges: Sequence[str], fixed: Sequence[str]) -> Narrowing:
    """What texts of the forms above leave of a space.

    Raises:
        SpaceError: a text has another form; the space has no such parameter, or never asks for it once the others are
            narrowed; a value lies outside of its choices or its range; or a parameter is narrowed twice.
    """
    known = parameters(space)
    narrowing = Narrowing(
        {name: _values(name, text, known[name]) for name, text in _assignments(space, "--only", only, known)},
        {name: _range(name, text, known[name]) for name, text in _assignments(space, "--range", ranges, known)},
        {name: parse_value(name, text, known[name]) for name, text in _assignments(space, "--fix", fixed, known)},
    )
    _require_once(narrowing.names)
    check_narrowing(space, narrowing)
    return narrowing


def check_narrowing(space: Space, narrowing: Narrowing) -> None:
    """Checks that trials of what is left ask for each parameter that is narrowed.

    Raises:
        SpaceError: one is never asked for.
    """
    left = parameters(narrowed(space, narrowing))
    idle = [name for name in narrowing.names if name not in left]
    if idle:
        raise SpaceError(
            f"{', '.join(idle)}: narrowing this decides nothing, as no trial asks for it once the other parameters are "
            f"narrowed; what is asked for is {', '.join(left)}"
        )


def narrowed(space: Space, narrowing: Narrowing) -> Space:
    """The part of a space that is left, with the baselines that lie within it.

    A parameter whose values are listed is asked for as one of these choices, whatever it was before.
    """
    if not narrowing.names:
        return space

    def suggest(trial: Trial) -> Configuration:
        return space.suggest(NarrowedTrial(trial, narrowing))

    part = replace(space, suggest=suggest, baselines=())
    return replace(part, baselines=tuple(one for one in space.baselines if _holds(part, one)))


@dataclass(frozen=True)
class NarrowedTrial:
    """A trial that is asked for what a narrowing leaves of each parameter."""

    trial: Trial
    narrowing: Narrowing

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices that are left."""
        left: Sequence[Any] | None = self.narrowing.values(name)
        if left is None and name in self.narrowing.ranges:
            left = _between(choices, self.narrowing.ranges[name])
        asked: Sequence[Any] = choices if left is None else left
        return self.trial.suggest_categorical(name, asked)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number within the range that is left."""
        values: Sequence[Any] | None = self.narrowing.values(name)
        if values is not None:
            return float(self.trial.suggest_categorical(name, values))
        low, high = self.narrowing.ranges.get(name, (low, high))
        return self.trial.suggest_float(name, low, high, step=step, log=log)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """An integer within the range that is left."""
        values: Sequence[Any] | None = self.narrowing.values(name)
        if values is not None:
            return int(self.trial.suggest_categorical(name, values))
        lowest, highest = self.narrowing.ranges.get(name, (low, high))
        return self.trial.suggest_int(name, int(lowest), int(highest), step=step, log=log)


def parse_value(name: str, text: str, distribution: Distribution) -> Scalar:
    """The value of a parameter that a text stands for.

    Raises:
        SpaceError: it is none of the choices, or not within the range.
    """
    for value in _readings(text.strip(), distribution):
        if distribution.contains(value):
            return value
    raise SpaceError(f"{name} = {text} is outside {distribution}")


def _readings(text: str, distribution: Distribution) -> list[Scalar]:
    match distribution:
        case Choices(values):
            return [value for value in values if str(value) == text]
        case Interval():
            try:
                return [int(text) if distribution.integer else float(text)]
            except ValueError:
                return []
        case _:
            assert_never(distribution)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _assignments(
    space: Space, flag: str, texts: Sequence[str], known: Mapping[str, Distribution]
) -> Iterable[tuple[str, str]]:
    """The names, each of which is the space's, and what is said of them."""
    named = list[tuple[str, str]]()
    for text in texts:
        name, equals, said = (part.strip() for part in text.partition("="))
        if not (name and equals and said):
            raise SpaceError(f"{flag} {text}: give NAME={FORMS[flag]}, as in {EXAMPLES[flag]}")
        if name not in known:
            raise SpaceError(f"{flag} {text}: {unknown_name('parameter', name, known)} They are those of {space.name}.")
        named.append((name, said))
    _require_once(name for name, _ in named)
    return named


FORMS = {"--only": "VALUE,VALUE,…", "--range": "LOW:HIGH", "--fix": "VALUE"}
EXAMPLES = {
    "--only": "--only optimizer=adam,rmsprop",
    "--range": "--range learning_rate=1e-4:1e-2",
    "--fix": "--fix dropout_rate=0.3",
}


def _require_once(names: Iterable[str]) -> None:
    listed = list(names)
    twice = sorted({name for name in listed if listed.count(name) > 1})
    if twice:
        raise SpaceError(f"{', '.join(twice)} is narrowed twice: give one of --only, --range and --fix for it, once")


def _values(name: str, text: str, distribution: Distribution) -> tuple[Scalar, ...]:
    """The values listed, each once: choices in the space's order, numbers in theirs."""
    chosen = [parse_value(name, part, distribution) for part in text.split(",") if part.strip()]
    if not chosen:
        raise SpaceError(f"--only {name}={text} names no value: it is one of {distribution}")
    if len(set(chosen)) < len(chosen):
        raise SpaceError(f"--only {name}={text} names a value twice")
    match distribution:
        case Choices(values):
            return tuple(value for value in values if value in chosen)
        case Interval():
            return tuple(sorted(chosen))
        case _:
            assert_never(distribution)


def _range(name: str, text: str, distribution: Distribution) -> Range:
    """The bounds, within those of the parameter and on its steps."""
    parts = [part.strip() for part in text.split(":")]
    bounds = [_number(part) for part in parts]
    if len(bounds) != 2 or bounds[0] is None or bounds[1] is None:
        raise SpaceError(f"--range {name}={text}: give NAME={FORMS['--range']}, as in {EXAMPLES['--range']}")
    low, high = bounds[0], bounds[1]
    if low >= high:
        raise SpaceError(f"--range {name}={text}: the lower bound comes first, and one value alone is --fix {name}=…")
    match distribution:
        case Choices(values):
            if not _between(values, (low, high)):
                raise SpaceError(f"--range {name}={text}: none of {distribution} lies in it")
        case Interval():
            for part in parts:
                parse_value(name, part, distribution)
        case _:
            assert_never(distribution)
    return low, high


def _between(choices: Iterable[Any], bounds: Range) -> tuple[Scalar, ...]:
    """The numbers among the choices that lie within the bounds."""
    numbers = (choice for choice in choices if isinstance(choice, int | float) and not isinstance(choice, bool))
    return tuple(number for number in numbers if bounds[0] <= number <= bounds[1])


def _holds(space: Space, baseline: Baseline) -> bool:
    """Whether a baseline lies within the space."""
    try:
        check_baseline(space, baseline)
    except SpaceError:
        return False
    return True
