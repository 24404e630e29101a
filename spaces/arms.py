"""Spaces of given configurations."""

from collections.abc import Mapping
from dataclasses import replace

from spaces.configuration import Configuration
from spaces.space import Space, Trial, choose

ARM = "arm"


def arms_space(origin: Space, arms: Mapping[str, Configuration]) -> Space:
    """A space of the given configurations, whose only parameter is the name of one of them.

    Their models are built as those of the space that they are from.
    """

    def suggest(trial: Trial) -> Configuration:
        return arms[choose(trial, ARM, tuple(arms))]

    return replace(origin, suggest=suggest, baselines=())


space = Space(
    name="arms",
    question="Which of the given configurations is best?",
    description="No parameters: the configurations are given to `python -m search.compare` one by one.",
    suggest=lambda _trial: Configuration(),
)
