"""Which trials did best: the one order for lessons and for what a sampler is shown."""

import heapq
import math
from collections.abc import Iterable
from functools import partial

import numpy as np
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


def best_judged(trials: Iterable[FrozenTrial], count: int, *, maximize: bool) -> list[FrozenTrial]:
    """So many of the trials, given by number, that did best, best first."""
    judged = [trial for trial in trials if trial.state in JUDGED]
    complete = [trial for trial in judged if trial.state is TrialState.COMPLETE]
    if len(complete) < count:
        return heapq.nsmallest(count, judged, key=partial(place, maximize=maximize))
    # The same for many: no pruned trial comes before one that is complete.
    values = np.array([trial.value for trial in complete], np.float64)
    ranked = np.where(np.isfinite(values), -values if maximize else values, np.inf)
    return [complete[index] for index in np.argsort(ranked, kind="stable")[:count]]
