"""The Optuna trial of a slot: created once, continued by every attempt.

A trial is created and bound to its slot in one transaction with the check of the lease, and its parameters are written
in another: a worker that is killed or loses its slot at any moment leaves no trial without a slot and no incomplete
parameters.
"""

import logging
from functools import partial

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from search.sampling.buffered_trial import BufferedTrial
from search.sampling.proposal import Proposal, Vetoed, fixed_params, propose, visible_to_sampler
from search.study.configurations import trained_attributes
from search.study.trial_attributes import TrialAttributes
from spaces.blame import describe
from spaces.configuration import Configuration
from spaces.errors import Infeasible, SpaceError
from spaces.space import Space
from storage import SharedStudy
from storage.errors import StorageError
from storage.records import Lease

log = logging.getLogger(__name__)


def open_trial(shared: SharedStudy, space: Space, lease: Lease) -> int:
    """The number of the leased slot's running trial.

    Raises:
        LeaseLost: another worker holds the slot now.
        StorageUnreachable: the database didn't answer.
    """
    return shared.trials.fenced.create(lease, partial(trial_of, space))


def trial_of(space: Space, lease: Lease) -> FrozenTrial:
    """What the trial of a leased slot is to be like."""
    params, distributions = fixed_params(space, lease.params) if lease.params is not None else ({}, {})
    attributes = TrialAttributes(slot=lease.slot, token=lease.token, seed=lease.seed, baseline=lease.settings.baseline)
    return create_trial(
        state=TrialState.RUNNING, params=params, distributions=distributions, user_attrs=attributes.stored()
    )


def suggest_configuration(
    shared: SharedStudy, space: Space, lease: Lease, number: int, pruner: BasePruner
) -> Configuration:
    """The space's configuration for the leased slot's trial. Parameters that the trial already has are kept.

    Raises:
        Infeasible: the space vetoes what was proposed, whose parameters the trial has now.
        SpaceError: the space's own code failed.
        LeaseLost: another worker holds the slot now.
        StorageUnreachable: the database didn't answer.
    """
    buffered = BufferedTrial(shared, number, pruner, partial(visible_to_sampler, shared, lease.slot))
    try:
        proposal = propose(shared, space, lease.slot, buffered)
        _store(shared, space, lease, number, proposal)
    except (SQLAlchemyError, StorageInternalError, StorageError):
        raise  # the trial's doing, not the space's
    except UpdateFinishedTrialError:
        log.warning("trial %d was ended by another program, without the parameters of its slot", number)
    except Exception as error:
        raise SpaceError(f"the space {space.name!r} failed to suggest: {describe(error)}") from error
    if isinstance(proposal, Vetoed):
        raise Infeasible(proposal.reason)
    return proposal.configuration


def _store(shared: SharedStudy, space: Space, lease: Lease, number: int, proposal: Proposal | Vetoed) -> None:
    """Gives the trial what was proposed."""
    fenced = shared.trials.fenced
    trained = {} if isinstance(proposal, Vetoed) else trained_attributes(space, proposal.configuration)
    fenced.set_params(lease, number, proposal.parameters, proposal.attributes, trained)
    if isinstance(proposal, Proposal) and proposal.replicate_of is not None:
        fenced.annotate(number, TrialAttributes(replicate_of=proposal.replicate_of).stored())


def should_prune(shared: SharedStudy, number: int, pruner: BasePruner) -> bool:
    """Whether the pruner would stop the trial after the epochs reported so far."""
    try:
        return pruner.prune(shared.trials.pruning_study, shared.trials.judged(number))
    except UpdateFinishedTrialError:  # pruners note in the trial what they decided
        log.warning("trial %d was ended by someone else: there is nothing to prune", number)
        return False
