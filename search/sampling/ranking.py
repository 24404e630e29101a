"""The ranking of trials, for lessons and for the trials that a sampler sees."""

import heapq
from collections.abc import Iterable
from functools import partial

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from storage.objective import Objective

JUDGED = (TrialState.COMPLETE, TrialState.PRUNED)  # failed trials say nothing about their parameters


def place(goal: Objective, trial: FrozenTrial) -> tuple[bool, int, float, int]:
    """The sorting key of a completed or pruned trial, least for the best: completed ones come by their value, then
    pruned ones by how far they got, and by their last score among those that got equally far.
    """
    complete = trial.state is TrialState.COMPLETE
    return not complete, 0 if complete else -len(trial.intermediate_values), *goal.key(trial.value, trial.number)


def best_judged(trials: Iterable[FrozenTrial], count: int, goal: Objective) -> list[FrozenTrial]:
    """The best N of the trials, given by number, best first."""
    judged = [trial for trial in trials if trial.state in JUDGED]
    complete = [trial for trial in judged if trial.state is TrialState.COMPLETE]
    if len(complete) < count:
        return heapq.nsmallest(count, judged, key=partial(place, goal))
    # The same for many: no pruned trial comes before one that is complete.
    values = np.array([trial.value for trial in complete], np.float64)
    ranked = np.where(np.isfinite(values), -values if goal.maximize else values, np.inf)
    return [complete[index] for index in np.argsort(ranked, kind="stable")[:count]]
