"""How large a race may be: how many candidates are worth it, and how many replicates the epochs are enough for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from search.errors import UsageError
from search.statistics.race import FIRST_LOOK
from search.views.facts import TrialFacts
from storage import Manifest

FEWEST_CANDIDATES, MOST_CANDIDATES = 3, 8
FEWEST_ARMS = 3
STANDARD_ERRORS = 2.0
ROUNDING = 1e-9


@dataclass(frozen=True)
class RaceSize:
    """This many candidates, each with this many replicates if it isn't shown worse before."""

    candidates: int
    replicates: int


def worth_racing(manifest: Manifest, ranked: Sequence[TrialFacts], top: int | None) -> int:
    """How many of the ranked trials to race: those within two standard errors of the best, 3 to 8; or `top`.

    The standard error is that of a share of the validation images. Other objectives say none of one trial, so that
    three are raced.
    """
    best = ranked[0].value
    if top is not None or best is None:
        return min(top or FEWEST_CANDIDATES, len(ranked))
    close = FEWEST_CANDIDATES
    if manifest.goal.is_share and manifest.n_scored:
        reach = STANDARD_ERRORS * math.sqrt(best * (1 - best) / manifest.n_scored)
        close = sum(abs(best - (trial.value or 0.0)) <= reach for trial in ranked)
    return min(max(close, FEWEST_CANDIDATES), MOST_CANDIDATES, len(ranked))


def fit(candidates: int, references: int, budget: float, share: float) -> RaceSize:
    """The race that a budget of this many trainings allows, which is that share of the search's epochs: with fewer
    candidates, if all can't have four replicates.

    Raises:
        UsageError: they aren't enough for four replicates of three arms; says what is missing.
    """
    trainings = math.floor(budget + ROUNDING)
    fewest = max(FEWEST_ARMS - references, 2)
    for count in range(candidates, min(fewest, candidates) - 1, -1):
        replicates = trainings // (count + references)
        if replicates >= FIRST_LOOK:
            return RaceSize(count, replicates)
    needed = FIRST_LOOK * (min(fewest, candidates) + references)
    raise UsageError(
        f"--answer-share {share:g} of the search's epochs is {trainings} whole trainings, and a race takes {needed}: "
        f"{FIRST_LOOK} replicates of {min(fewest, candidates) + references} arms. --answer-share "
        f"{math.ceil(100 * share * needed / budget) / 100:g} is enough"
    )
