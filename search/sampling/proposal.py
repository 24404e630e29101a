"""The parameters of a slot: its sampler's proposal, unless the study has tried that before.

Without continuous parameters, samplers propose the same combinations again and again: TPE repeats a quarter of 60
trials over 120 combinations.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from search.sampling.buffered_trial import BufferedTrial
from search.sampling.history import subsampled
from search.sampling.ranking import JUDGED
from search.sampling.samplers import make_sampler, sampler_choice
from search.sampling.seeds import derive_seed
from spaces.configuration import Configuration
from spaces.questions import PlainTrial
from spaces.space import Space
from spaces.trials import random_trial
from storage import SharedStudy
from storage.trial_rows import Parameter

log = logging.getLogger(__name__)

SECOND_PROPOSALS = 3
RANDOM_PROPOSALS = 100
HISTORY, UNTRIED = 1, 3  # the purposes of seeds
TRIED = (TrialState.RUNNING, *JUDGED)


@dataclass(frozen=True)
class Proposal:
    """A configuration with its new parameters, what the sampler notes of the trial for others, and the number of the
    first trial that has the same parameters, if any has.
    """

    configuration: Configuration
    parameters: Sequence[Parameter]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    replicate_of: int | None = None


def propose(shared: SharedStudy, space: Space, slot: int, buffered: BufferedTrial) -> Proposal:
    """The sampler's proposal; if that has been tried, another one: the sampler is asked a few more times,
    then combinations are drawn at random. If all have been tried, the trial is a replicate: the same
    parameters with another seed.
    """
    first = _proposed(space, buffered, make_sampler(shared.manifest.sampler, shared.manifest.seed, slot))
    if first.replicate_of is None:
        return first
    other = _second(shared, space, slot, buffered) or _untried(shared, space, slot, buffered)
    if other is None:
        log.info("slot %d has the parameters of trial %d: no others were found", slot, first.replicate_of)
    return other or first


def visible_to_sampler(shared: SharedStudy, slot: int, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Those of the trials that the sampler of a slot gets to see."""
    limit = sampler_choice(shared.manifest.sampler).history
    seed = derive_seed(shared.manifest.seed, slot, HISTORY)
    return list(trials) if limit is None else subsampled(trials, limit, shared.manifest.goal, seed)


def can_repeat(distributions: Mapping[str, BaseDistribution]) -> bool:
    """Whether the number of combinations is finite, that is, no parameter is continuous."""
    return not any(
        isinstance(one, FloatDistribution) and one.step is None and not one.single() for one in distributions.values()
    )


def first_with(params: Mapping[str, Any], trials: Iterable[FrozenTrial]) -> int | None:
    """The number of the first trial with the same parameters, or None. Failed trials don't count, as they
    have no result.
    """
    return next((trial.number for trial in trials if trial.state in TRIED and trial.params == params), None)


def fixed_params(space: Space, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """The given parameters and their distributions, as the space asks for them. Any that the space doesn't ask for in
    this configuration are left out.
    """
    recorder = FixedTrial(dict(params))
    space.suggest(PlainTrial(recorder))
    return recorder.params, recorder.distributions


def _second(shared: SharedStudy, space: Space, slot: int, buffered: BufferedTrial) -> Proposal | None:
    for number in range(1, SECOND_PROPOSALS + 1):
        sampler = make_sampler(shared.manifest.sampler, shared.manifest.seed, slot, number)
        if (proposal := _proposed(space, buffered, sampler)).replicate_of is None:
            return proposal
    return None


def _untried(shared: SharedStudy, space: Space, slot: int, buffered: BufferedTrial) -> Proposal | None:
    others = buffered.others()
    for number in range(RANDOM_PROPOSALS):
        drawn = random_trial(derive_seed(shared.manifest.seed, slot, UNTRIED, number))
        configuration = space.suggest(drawn)
        if first_with(drawn.params, others) is None:
            params, kinds = fixed_params(space, drawn.params)
            stored = [Parameter(name, kind.to_internal_repr(params[name]), kind) for name, kind in kinds.items()]
            return Proposal(configuration, stored)
    return None


def _proposed(space: Space, buffered: BufferedTrial, sampler: BaseSampler) -> Proposal:
    trial, buffer = buffered.begin(sampler)
    configuration = space.suggest(PlainTrial(trial))
    new = bool(buffer.parameters)  # those that the trial had already are what it is to try
    repeats = new and can_repeat(trial.distributions)
    replicate_of = first_with(trial.params, buffered.others()) if repeats else None
    return Proposal(configuration, buffer.parameters, buffer.attributes, replicate_of)
