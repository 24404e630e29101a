"""The ranking of trials, for lessons and for the trials that a sampler sees."""

import heapq
from collections.abc import Iterable
from functools import partial

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from storage.objective import Objective

JUDGED = (TrialState.COMPLETE, TrialState.PRUNED)  # failed trials say nothing about their parameters


def rank_key(
    goal: Objective, *, complete: bool, epochs: int, value: float | None, number: int
) -> tuple[bool, int, float, int]:
    """The sorting key of a completed or pruned trial, least for the best: completed ones come by their value, then
    pruned ones by how far they got, and by their last score among those that got equally far.
    """
    return not complete, 0 if complete else -epochs, *goal.key(value, number)


def frozen_rank_key(goal: Objective, trial: FrozenTrial) -> tuple[bool, int, float, int]:
    """The same of a trial as Optuna has it."""
    complete, epochs = trial.state is TrialState.COMPLETE, len(trial.intermediate_values)
    return rank_key(goal, complete=complete, epochs=epochs, value=trial.value, number=trial.number)


def best_judged(trials: Iterable[FrozenTrial], count: int, goal: Objective) -> list[FrozenTrial]:
    """The best N of the trials, given by number, best first."""
    judged = [trial for trial in trials if trial.state in JUDGED]
    complete = [trial for trial in judged if trial.state is TrialState.COMPLETE]
    if len(complete) < count:
        return heapq.nsmallest(count, judged, key=partial(frozen_rank_key, goal))
    # The same for many: no pruned trial comes before one that is complete.
    losses = np.array([goal.loss(trial.value) for trial in complete])
    return [complete[index] for index in np.argsort(losses, kind="stable")[:count]]
