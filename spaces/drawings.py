"""The layers of a space's configurations, drawn for each of its choices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

from spaces.configuration import Scalar
from spaces.contract import configuration_of, parameters
from spaces.diagram import draw
from spaces.distributions import Choices, Distribution
from spaces.space import Space
from spaces.trials import DryTrial

MOST_COMBINATIONS = 36
MOST_INTEGERS = 4


@dataclass(frozen=True)
class Drawing:
    """Choices by the names of their parameters, and the layers that they give, a line for each block and the head."""

    choices: Mapping[str, Scalar]
    layers: str


def drawings(space: Space) -> tuple[Drawing, ...]:
    """A drawing for each combination of the choices that decide the layers; where these are many, for each choice by
    itself, with everything else as in the space's first baseline. None of a space that builds its own models.
    """
    if space.build is not None:
        return ()
    offered = {name: values for name, asked in parameters(space).items() if (values := _values(asked))}
    deciding = {name: values for name, values in offered.items() if len({_draw(space, {name: v}) for v in values}) > 1}
    if prod(len(values) for values in deciding.values()) > MOST_COMBINATIONS:
        return tuple(
            Drawing({name: value}, _draw(space, {name: value})) for name, values in deciding.items() for value in values
        )
    return tuple(Drawing(choices, _draw(space, choices)) for choices in _combinations(space, deciding))


def _combinations(space: Space, deciding: Mapping[str, tuple[Scalar, ...]]) -> Iterator[dict[str, Scalar]]:
    """Those in which all that is chosen is asked for."""
    for values in product(*deciding.values()):
        choices = dict(zip(deciding, values, strict=True))
        if choices.keys() <= _trial(space, choices).params.keys():
            yield choices


def _values(distribution: Distribution) -> tuple[Scalar, ...]:
    if isinstance(distribution, Choices):
        return distribution.values
    if distribution.integer and distribution.steps() < MOST_INTEGERS:
        return tuple(distribution.at_step(step) for step in range(distribution.steps() + 1))
    return ()


def _draw(space: Space, choices: Mapping[str, Scalar]) -> str:
    trial = _trial(space, choices)
    return draw(configuration_of(space, DryTrial(lambda name, _: trial.params[name])))


def _trial(space: Space, choices: Mapping[str, Scalar]) -> DryTrial:
    """A trial that was answered with the choices, else as in the first baseline, else with the middle of the range."""
    known = {**(space.baselines[0].params if space.baselines else {}), **choices}

    def pick(name: str, distribution: Distribution) -> Scalar:
        if name in known:
            return known[name]
        if isinstance(distribution, Choices):
            return distribution.values[0]
        if distribution.step is not None:
            return distribution.at_step(distribution.steps() // 2)
        return distribution.at_share(0.5)

    trial = DryTrial(pick)
    configuration_of(space, trial)
    return trial
