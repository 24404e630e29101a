"""How many replicates would probably decide a pair that is undecided.

This is planning, not evidence: it takes the difference and the spread that were observed for the true ones, and both
are uncertain. Power that is computed from an observed difference says nothing about the observed data that their
p-value doesn't say (Hoenig and Heisey 2001).
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from search.comparison.permutation import smallest_p
from search.comparison.scores import FloatArray, IntArray

POWER = 0.8
CAP = 1_000
# scipy's noncentral t loses digits beyond this noncentrality, where all powers are 1 anyway.
LARGEST_NONCENTRALITY = 35.0


@dataclass(frozen=True)
class Estimate:
    """With `replicates` in all, a claim would be made with probability `power`, if the difference and the spread of the
    differences were exactly as observed: that the arms differ (`equivalent` false) or that they don't matter to each
    other (true). `replicates` is None if more than `cap` would be needed.
    """

    replicates: int | None
    equivalent: bool
    power: float = POWER
    cap: int = CAP


def replicates_to_decide(
    mean: float, deviation: float, margin: float, *, difference_level: float, equivalence_level: float, n: int
) -> Estimate:
    """The smallest number above n that would decide, of paired differences of that mean and standard deviation.

    The levels are those at which the pair is tested: two-sided for a difference, each side for an equivalence.
    """
    counts = np.arange(max(n + 1, 2), CAP + 1)
    sees_difference = power_of_difference(counts, mean, deviation, difference_level)
    sees_equivalence = power_of_equivalence(counts, mean, deviation, margin, equivalence_level)
    different = first_with_power(counts, sees_difference, difference_level)
    equivalent = first_with_power(counts, sees_equivalence, 2 * equivalence_level)
    if equivalent is not None and (different is None or equivalent <= different):
        return Estimate(equivalent, equivalent=True)
    return Estimate(different, equivalent=different is None and abs(mean) < margin)


def first_with_power(counts: IntArray, power: FloatArray, level: float) -> int | None:
    """The first count with power enough, and at which the permutation test reaches the two-sided level at all."""
    reaches = np.array([smallest_p(int(n)) <= level for n in counts])
    enough = counts[reaches & (power >= POWER)]
    return int(enough[0]) if enough.size else None


def power_of_difference(counts: IntArray, mean: float, deviation: float, level: float) -> FloatArray:
    """The power of the two-sided t-test to see a difference on its own side."""
    if deviation == 0:
        return np.full(counts.shape, float(mean != 0))
    df = counts - 1
    return np.asarray(stats.nct.sf(stats.t.isf(level / 2, df), df, noncentrality(counts, abs(mean), deviation)))


def power_of_equivalence(counts: IntArray, mean: float, deviation: float, margin: float, level: float) -> FloatArray:
    """The power of two one-sided t-tests; a lower bound, as if they never failed together."""
    if deviation == 0:
        return np.full(counts.shape, float(abs(mean) < margin))
    df = counts - 1
    critical = stats.t.isf(level, df)
    to_low, to_high = (noncentrality(counts, margin + side * mean, deviation) for side in (1, -1))
    power = stats.nct.sf(critical, df, to_low) + stats.nct.sf(critical, df, to_high) - 1
    return np.asarray(np.maximum(0.0, power))


def noncentrality(counts: IntArray, distance: float, deviation: float) -> FloatArray:
    """How many standard errors a distance is, at each count."""
    errors = np.sqrt(counts) * distance / deviation
    return np.asarray(np.clip(errors, -LARGEST_NONCENTRALITY, LARGEST_NONCENTRALITY))
