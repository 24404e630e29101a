"""The trials that a sampler learns from: all of a small study, a bounded number of a large one."""

import heapq
import random
from collections.abc import Iterable, Sequence

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

BEST = 100


def thinned(trials: Sequence[FrozenTrial], limit: int, direction: StudyDirection, seed: int) -> list[FrozenTrial]:
    """At most `limit` finished trials, and all that are running, in the order of the study.

    The best 100 are among them and a random sample, drawn by the seed, of the others. That is what the estimator of TPE
    is made of: it models the best 25 against all others, whose density a sample has too, and takes time in proportion
    to their number.
    """
    finished = [trial for trial in trials if trial.state.is_finished()]
    if len(finished) <= limit:
        return list(trials)
    best = heapq.nsmallest(min(BEST, limit), finished, key=lambda trial: _rank(trial, direction))
    kept = _numbers(best)
    others = [trial for trial in finished if trial.number not in kept]
    kept |= _numbers(random.Random(seed).sample(others, limit - len(best)))  # noqa: S311  nothing is to be kept secret
    return [trial for trial in trials if trial.number in kept or not trial.state.is_finished()]


def _numbers(trials: Iterable[FrozenTrial]) -> set[int]:
    return {trial.number for trial in trials}


def _rank(trial: FrozenTrial, direction: StudyDirection) -> tuple[float, ...]:
    """Smaller is better: completed trials by value, then pruned ones by how far they came and by their last value."""
    sign = -1.0 if direction is StudyDirection.MAXIMIZE else 1.0
    if trial.state is TrialState.COMPLETE and trial.value is not None:
        return (0.0, sign * trial.value)
    if trial.state is TrialState.PRUNED and trial.intermediate_values:
        step, value = max(trial.intermediate_values.items())
        return (1.0, -float(step), sign * value if value == value else float("inf"))
    return (2.0,)
