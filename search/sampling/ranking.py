"""Which trials did best: the one order for lessons and for what a sampler is shown."""

import math

from optuna.trial import FrozenTrial, TrialState

JUDGED = (TrialState.COMPLETE, TrialState.PRUNED)  # failed trials say nothing about their parameters


def place(trial: FrozenTrial, *, maximize: bool) -> tuple[bool, int, float, int]:
    """The sorting key of a completed or pruned trial, least for the best: completed ones come by their value, then
    pruned ones by how far they got, and by their last score among those that got equally far.
    """
    sign = -1.0 if maximize else 1.0
    value = trial.value
    if value is None or not math.isfinite(value):
        value = sign * math.inf
    complete = trial.state is TrialState.COMPLETE
    return not complete, 0 if complete else -len(trial.intermediate_values), sign * value, trial.number
