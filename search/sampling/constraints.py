"""Infeasible trials as Optuna has them: pruned, with a constraint whose value is above 0. Samplers that know
constraints rank such trials behind all others, those that violate it least first.
"""

from optuna.trial import TrialState, create_trial

from spaces.limits import TRAIN_SECONDS
from storage import SharedStudy

VETO = "feasible"
VETOED = 1.0


def note_constraint(shared: SharedStudy, number: int) -> None:
    """Notes with a running trial what makes it infeasible: by which share it exceeds the time that it may train, or,
    of any other reason, that there is one. It can be repeated.
    """
    attributes = constraint_attributes(*violated(shared, number))
    for key, value in attributes.items():
        shared.trials.storage.set_trial_system_attr(shared.trials.ids[number], key, value)


def violated(shared: SharedStudy, number: int) -> tuple[str, float]:
    """The constraint, and by how much it is violated."""
    most = shared.manifest.limits.get(TRAIN_SECONDS)
    excess = 0.0 if most is None else sum(row.seconds for row in shared.ledger.epochs(number)) / most - 1
    return (TRAIN_SECONDS, excess) if excess > 0 else (VETO, VETOED)


def constraint_attributes(name: str, value: float) -> dict[str, float]:
    """The attributes by which Optuna stores a constraint of a trial: taken from a trial that is given one, as
    `Trial.set_constraint` itself first lets the study's sampler propose.
    """
    example = create_trial(state=TrialState.PRUNED)
    example.set_constraint(name, value)
    return dict(example.system_attrs)
