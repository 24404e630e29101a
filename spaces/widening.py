"""Parameters that any space can have besides its own, because a study adds them: batch size and class weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from spaces.class_weight import CLASS_WEIGHT, ClassWeight
from spaces.configuration import Configuration
from spaces.contract import configuration_of
from spaces.errors import SpaceError
from spaces.space import Baseline, Space, Trial, choose
from spaces.trials import random_trial

BATCH_SIZE = "batch_size"
DRAWN = 8  # configurations, to see whether a space decides by itself what a study is told to add


@dataclass(frozen=True)
class Widening:
    """The choices of each parameter that a study adds to its space; without choices it adds none."""

    batch_sizes: tuple[int, ...] = ()
    class_weights: tuple[ClassWeight, ...] = ()


def widened(space: Space, widening: Widening) -> Space:
    """The space with the added parameters. Its baselines have the space's own batch size if it is among the choices,
    else the first of them.

    Raises (when a trial is asked, too):
        SpaceError: the space decides one of them by itself.
    """
    if widening.class_weights:
        space = _with_class_weights(space, widening.class_weights)
    if not widening.batch_sizes:
        return space
    require_undecided(space, batch_size_given(widening.batch_sizes))

    def suggest(trial: Trial) -> Configuration:
        configuration = _undecided(space.suggest(trial))
        size = choose(trial, BATCH_SIZE, widening.batch_sizes)
        return msgspec.structs.replace(configuration, batch_size=size)

    usual = space.batch_size if space.batch_size in widening.batch_sizes else widening.batch_sizes[0]
    baselines = tuple(_with_batch_size(baseline, usual) for baseline in space.baselines)
    return replace(space, suggest=suggest, baselines=baselines)


def _with_class_weights(space: Space, choices: tuple[ClassWeight, ...]) -> Space:
    """The space with a parameter `class_weight`. Its baselines have the first choice."""

    def suggest(trial: Trial) -> Configuration:
        return msgspec.structs.replace(space.suggest(trial), class_weight=choose(trial, CLASS_WEIGHT, choices))

    baselines = tuple(
        replace(baseline, params={**baseline.params, CLASS_WEIGHT: choices[0]}) for baseline in space.baselines
    )
    return replace(space, suggest=suggest, baselines=baselines)


def batch_size_given(sizes: Sequence[int]) -> str:
    """The flag that says these batch sizes."""
    return f"--batch-size {','.join(map(str, sizes))}"


def require_undecided(space: Space, flag: str) -> None:
    """Checks that the space leaves the batch size to the study, as far as some configurations show it.

    Raises:
        SpaceError: it doesn't; `flag` is what would have no effect then.
    """
    if _decides(space, range(DRAWN)):
        raise SpaceError(
            f"{flag}: the configurations of {space.name} have batch sizes of their own, which this wouldn't change. "
            f"Leave it out, or narrow a parameter of the space (--only {BATCH_SIZE}=…)"
        )


def _decides(space: Space, seeds: Sequence[int]) -> bool:
    for seed in seeds:
        try:
            if configuration_of(space, random_trial(seed)).batch_size is not None:
                return True
        except SpaceError:
            continue  # a combination that the space refuses
    return False


def _undecided(configuration: Configuration) -> Configuration:
    if configuration.batch_size is not None:
        raise SpaceError(f"the space says a batch size of {configuration.batch_size}, and the study searches for one")
    return configuration


def _with_batch_size(baseline: Baseline, size: int) -> Baseline:
    return replace(baseline, params={**baseline.params, BATCH_SIZE: size})
