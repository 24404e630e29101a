"""The trials that a sampler learns from: all of a small study, a bounded number of a large one."""

import random
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from search.sampling.ranking import best_judged
from storage.objective import Objective

BEST = 100
UNFINISHED = (TrialState.RUNNING, TrialState.WAITING)


def subsampled(trials: Sequence[FrozenTrial], limit: int, goal: Objective, seed: int) -> list[FrozenTrial]:
    """At most `limit` finished trials, and all that are running, in the order of the study.

    The best 100 are among them and a random sample, drawn by the seed, of the others. That is what the estimator of TPE
    is made of: it models the best 25 against all others, whose density a sample has too, and takes time in proportion
    to their number.
    """
    finished = [trial for trial in trials if trial.state not in UNFINISHED]
    if len(finished) <= limit:
        return list(trials)
    best = best_judged(finished, min(BEST, limit), goal)
    kept = {trial.number for trial in best}
    others = [trial for trial in finished if trial.number not in kept]
    some = random.Random(seed).sample(others, limit - len(best))  # noqa: S311  nothing is to be kept secret
    unfinished = [trial for trial in trials if trial.state in UNFINISHED]
    return sorted([*best, *some, *unfinished], key=lambda trial: trial.number)
