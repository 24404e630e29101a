"""The Optuna trial of a slot: created once, continued by every attempt.

A trial is created and bound to its slot in one transaction with the check of the lease, and its parameters are written
in another: a worker that is killed or loses its slot at any moment leaves no trial without a slot and no incomplete
parameters.
"""

import logging
from functools import partial
from typing import Any

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from search.sampling.drafts import Drafts
from search.sampling.proposal import fixed_params, propose, visible_to_sampler
from search.sampling.samplers import make_sampler
from search.study.baselines import BASELINE
from search.study.configurations import trained_attributes
from spaces.blame import describe
from spaces.configuration import Configuration
from spaces.errors import SpaceError
from spaces.space import Space
from storage import SharedStudy
from storage.errors import StorageError
from storage.records import Lease

log = logging.getLogger(__name__)

SLOT_ATTR = "slot"
REPLICATE_ATTR = "replicate_of"
TOKEN_ATTR = "token"  # noqa: S105 - a fencing token, no secret


def open_trial(shared: SharedStudy, space: Space, lease: Lease) -> int:
    """The number of the leased slot's running trial, with the study's sampler seeded for it.

    Raises:
        LeaseLost: another worker holds the slot now.
        StorageUnreachable: the database didn't answer.
    """
    shared.study.sampler = make_sampler(shared.manifest.sampler, shared.manifest.seed, lease.slot)
    params, distributions = fixed_params(space, lease.params) if lease.params is not None else ({}, {})
    attributes: dict[str, Any] = {SLOT_ATTR: lease.slot, TOKEN_ATTR: lease.token, "seed": lease.seed}
    if lease.settings and BASELINE in lease.settings:
        attributes[BASELINE] = lease.settings[BASELINE]
    template = create_trial(state=TrialState.RUNNING, params=params, distributions=distributions, user_attrs=attributes)
    return shared.trials.create(lease, template)


def suggest_configuration(shared: SharedStudy, space: Space, lease: Lease, number: int) -> Configuration:
    """The space's configuration for the leased slot's trial. Parameters that the trial already has are kept.

    Raises:
        SpaceError: the space's own code failed.
        LeaseLost: another worker holds the slot now.
        StorageUnreachable: the database didn't answer.
    """
    with shared.translated():
        drafts = Drafts(shared, number, partial(visible_to_sampler, shared, lease.slot))
        try:
            proposal = propose(shared, space, lease.slot, drafts)
            trained = trained_attributes(space, proposal.configuration)
            shared.trials.set_params(lease, number, proposal.parameters, proposal.attributes, trained)
            if proposal.replicate_of is not None:
                shared.trials.annotate(number, {REPLICATE_ATTR: proposal.replicate_of})
        except (SQLAlchemyError, StorageInternalError, StorageError):
            raise  # the trial's doing, not the space's
        except UpdateFinishedTrialError:
            log.warning("trial %d was ended by another program, without the parameters of its slot", number)
        except Exception as error:
            raise SpaceError(f"the space {space.name!r} failed to suggest: {describe(error)}") from error
    return proposal.configuration


def report(shared: SharedStudy, number: int, value: float, epoch: int) -> None:
    """Stores the objective after an epoch in the trial; the same epoch again changes nothing."""
    with shared.translated():
        try:
            shared.storage.set_trial_intermediate_value(shared.trial_ids[number], epoch, value)
        except UpdateFinishedTrialError:
            log.warning("trial %d was ended by someone else: the ledger alone has its epoch %d", number, epoch)


def should_prune(shared: SharedStudy, number: int) -> bool:
    """Whether the study's pruner would stop the trial after the epochs reported so far."""
    with shared.translated():
        try:
            return shared.study.pruner.prune(shared.judged, shared.storage.get_trial(shared.trial_ids[number]))
        except UpdateFinishedTrialError:  # pruners note in the trial what they decided
            log.warning("trial %d was ended by someone else: there is nothing to prune", number)
            return False
