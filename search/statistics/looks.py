"""Looking at a comparison while it runs, and stopping when it's decided, without raising the rate of wrong claims.

Each look gets a part of the level, and the parts add up to it. Whatever the looks have to do with each other, the
probability that any of them makes a wrong claim is then at most the level (Bonferroni's inequality). How much each gets
follows the spending function of O'Brien and Fleming's type (Lan and DeMets 1983): next to nothing early, most late.

The exact boundaries of group-sequential tests are less cautious, but hold only for statistics whose joint distribution
is known: not for permutation tests, which with Holm's correction and few replicates are far from normal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from search.errors import UsageError
from search.statistics.permutation import smallest_p
from search.statistics.scores import FEWEST_REPLICATES

LEVEL = 0.05
LOOKS = 4


@dataclass(frozen=True)
class Look:
    """When every arm has `replicates` of them, the pairs are judged at `level`."""

    replicates: int
    level: float


def plan_looks(first: int, most: int, *, pairs: int, step: int | None = None, level: float = LEVEL) -> tuple[Look, ...]:
    """The looks of a comparison of `pairs` pairs that starts with `first` replicates and ends with `most`.

    They are `step` apart, by default so that there are four. The plan must be made before the first look and kept. It
    leaves out looks at which no permutation test could reach its level yet; their parts go to the next.

    Raises:
        UsageError: fewer than two replicates, fewer at most than at first, a step below 1, or so few replicates at most
            that nothing could be decided.
    """
    if not FEWEST_REPLICATES <= first <= most or (step is not None and step < 1):
        raise UsageError(
            f"looks from {first} to {most} replicates{'' if step is None else f' every {step}'}: it needs at least 2 at"
            " first, at most as many as in the end, and steps of at least 1"
        )
    looks = list[Look]()
    spent = 0.0
    for replicates in sizes(first, most, step):
        part = spending(replicates / most, level) - spent
        if smallest_p(replicates) <= part / pairs:
            looks.append(Look(replicates, part))
            spent += part
    if not looks:
        raise UsageError(f"{most} replicates can't decide anything between {pairs} pairs; allow more")
    return tuple(looks)


def sizes(first: int, most: int, step: int | None) -> Sequence[int]:
    """After how many replicates to look."""
    if step is None:
        return [int(size) for size in np.unique(np.linspace(first, most, LOOKS).round().astype(int))]
    return [*range(first, most, step), most]


def spending(share: float, level: float) -> float:
    """How much of the level may be spent when this share of the replicates is there, 0 < share <= 1."""
    return float(2 * stats.norm.sf(stats.norm.isf(level / 2) / np.sqrt(share)))
