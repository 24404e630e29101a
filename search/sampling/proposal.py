"""The parameters of a slot: its sampler's proposal, unless the study has tried that before.

Without continuous parameters, samplers propose the same combinations again and again: TPE repeats a quarter of 60
trials over 120 combinations.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from search.sampling.buffered_trial import BufferedTrial
from search.sampling.history import subsampled
from search.sampling.limits import limits_of
from search.sampling.ranking import JUDGED
from search.sampling.samplers import make_sampler, sampler_choice
from search.sampling.seeds import derive_seed
from spaces.configuration import Configuration
from spaces.errors import Infeasible, SpaceError
from spaces.questions import PlainTrial
from spaces.space import Space
from spaces.trials import random_trial
from storage import SharedStudy
from storage.trial_rows import Parameter

log = logging.getLogger(__name__)

SECOND_PROPOSALS = 3
RANDOM_PROPOSALS = 100
DRAWS_WITHIN = 2_000
HISTORY, UNTRIED = 1, 3  # the purposes of seeds
TRIED = (TrialState.RUNNING, *JUDGED)


@dataclass(frozen=True)
class Proposal:
    """A configuration with its new parameters, what the sampler notes of the trial for others, the number of the first
    trial that has the same parameters, if any has, and which limit of the study it breaks, if it does.
    """

    configuration: Configuration
    parameters: Sequence[Parameter]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    replicate_of: int | None = None
    broken: str | None = None


@dataclass(frozen=True)
class Vetoed:
    """A proposal that the space vetoes, for that reason: its new parameters, as far as the space has asked for them,
    and what the sampler notes of the trial for others.
    """

    reason: str
    parameters: Sequence[Parameter]
    attributes: Mapping[str, Any] = field(default_factory=dict)


def propose(shared: SharedStudy, space: Space, slot: int, buffered: BufferedTrial) -> Proposal | Vetoed:
    """The sampler's proposal; if that has been tried, or breaks a limit of the study, another one: the sampler is asked
    a few more times, then combinations are drawn at random. If all have been tried, the trial is a replicate: the same
    parameters with another seed. What the space vetoes is the proposal: its trial tells the sampler.

    Raises:
        SpaceError: nothing that keeps to the limits was found.
    """
    asked = list[Proposal]()
    for number in range(1 + SECOND_PROPOSALS):
        sampler = make_sampler(shared.manifest.sampler, shared.manifest.seed, slot, number)
        proposed = _proposed(shared, space, buffered, sampler)
        if isinstance(proposed, Vetoed):
            return proposed
        asked.append(proposed)
        if asked[-1].broken is None and asked[-1].replicate_of is None:
            return asked[-1]
    drawn, repeated = _drawn(shared, space, slot, buffered)
    within = [proposal for proposal in (*asked, repeated) if proposal is not None and proposal.broken is None]
    if drawn is not None:
        return drawn
    if not within:
        raise SpaceError(f"no configuration that keeps to the limits was found: {asked[0].broken}")
    log.info("slot %d has the parameters of trial %d: no others were found", slot, within[0].replicate_of)
    return within[0]


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
    this configuration are left out; of one that it vetoes there are those that it asks for before.
    """
    recorder = FixedTrial(dict(params))
    with suppress(Infeasible):
        space.suggest(PlainTrial(recorder))
    return recorder.params, recorder.distributions


def _drawn(
    shared: SharedStudy, space: Space, slot: int, buffered: BufferedTrial
) -> tuple[Proposal | None, Proposal | None]:
    """Among combinations drawn at random that keep to the limits: the first that hasn't been tried, and the first that
    has.
    """
    others, limits, repeated = buffered.others(), limits_of(shared.manifest, space), None
    for number in range(RANDOM_PROPOSALS if not limits.of_sizes else DRAWS_WITHIN):
        drawn = random_trial(derive_seed(shared.manifest.seed, slot, UNTRIED, number))
        try:
            configuration = space.suggest(drawn)
        except Infeasible:
            continue
        if limits.broken_by(configuration) is not None:
            continue
        tried = first_with(drawn.params, others)
        params, kinds = fixed_params(space, drawn.params)
        stored = [Parameter(name, kind.to_internal_repr(params[name]), kind) for name, kind in kinds.items()]
        if tried is None:
            return Proposal(configuration, stored), None
        repeated = repeated or Proposal(configuration, stored, replicate_of=tried)
    return None, repeated


def _proposed(shared: SharedStudy, space: Space, buffered: BufferedTrial, sampler: BaseSampler) -> Proposal | Vetoed:
    trial, buffer = buffered.begin(sampler)
    try:
        configuration = space.suggest(PlainTrial(trial))
    except Infeasible as veto:
        return Vetoed(" ".join(str(veto).split()) or "the space vetoes it", buffer.parameters, buffer.attributes)
    new = bool(buffer.parameters)  # those that the trial had already are what it is to try
    repeats = new and can_repeat(trial.distributions)
    replicate_of = first_with(trial.params, buffered.others()) if repeats else None
    broken = limits_of(shared.manifest, space).broken_by(configuration) if new else None
    return Proposal(configuration, buffer.parameters, buffer.attributes, replicate_of, broken)
