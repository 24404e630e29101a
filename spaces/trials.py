"""Trials without a study: they answer what a space asks, note it down, and refuse what no sampler could answer.

A space is checked, enumerated and documented with them, without Optuna.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spaces.configuration import Scalar
from spaces.distributions import Choices, Distribution
from spaces.questions import asked_choices, asked_float, asked_int, require, require_name

Pick = Callable[[str, Distribution], Scalar]


class DryTrial:
    """Answers each parameter with what `pick(name, distribution)` returns.

    `params` and `distributions` hold what has been asked, in the order of asking. A `Trial` in the sense of
    `spaces.space`.

    Raises (from each `suggest_...`):
        SpaceError: the name isn't text, the choices or bounds are invalid, or the name was asked before with others.
    """

    def __init__(self, pick: Pick) -> None:
        self._pick = pick
        self.params: dict[str, Scalar] = {}
        self.distributions: dict[str, Distribution] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""
        return self._answer(name, asked_choices(name, choices))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number in [low, high]."""
        return float(self._answer(name, asked_float(name, low, high, step=step, log=log)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """An integer in [low, high]."""
        return int(self._answer(name, asked_int(name, low, high, step=step, log=log)))

    def _answer(self, name: str, distribution: Distribution) -> Scalar:
        require_name(name)
        asked = self.distributions.setdefault(name, distribution)
        require(asked == distribution, f"{name!r} is asked for twice in one trial, as {asked} and as {distribution}")
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
        require(name in params, f"the parameter {name!r} is missing; it is one of {distribution}")
        require(distribution.contains(params[name]), f"{name} = {params[name]!r} is outside {distribution}")
        return params[name]

    return DryTrial(pick)
