"""Spaces that hold less than all of another one: given configurations, or what is left when parameters are fixed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spaces.configuration import Configuration, Scalar
from spaces.space import Space, Trial, choose

ARM = "arm"


def arms_space(origin: Space, arms: Mapping[str, Configuration]) -> Space:
    """A space of the given configurations, whose only parameter is the name of one of them.

    Their models are built as those of the space that they are from.
    """

    def suggest(trial: Trial) -> Configuration:
        return arms[choose(trial, ARM, tuple(arms))]

    return replace(origin, suggest=suggest, baselines=())


def fixed_space(origin: Space, fixed: Mapping[str, Scalar]) -> Space:
    """The part of a space in which these parameters have these values. Trials have them as parameters of one choice."""

    def suggest(trial: Trial) -> Configuration:
        return origin.suggest(Fixing(trial, fixed))

    return replace(origin, suggest=suggest, baselines=())


@dataclass(frozen=True)
class Fixing:
    """A trial that hands on all questions but those whose answer is fixed."""

    trial: Trial
    fixed: Mapping[str, Scalar]

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""
        if name in self.fixed:
            return self._fixed(name)
        return self.trial.suggest_categorical(name, choices)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number in [low, high]."""
        if name in self.fixed:
            return float(self._fixed(name))
        return self.trial.suggest_float(name, low, high, step=step, log=log)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """An integer in [low, high]."""
        if name in self.fixed:
            return int(self._fixed(name))
        return self.trial.suggest_int(name, low, high, step=step, log=log)

    def _fixed(self, name: str) -> Any:
        answers: Sequence[Any] = (self.fixed[name],)
        return self.trial.suggest_categorical(name, answers)


space = Space(
    name="arms",
    question="Which of the given configurations is best?",
    description="No parameters: the configurations are given to `python -m search.compare` one by one.",
    suggest=lambda _trial: Configuration(),
)
