"""How many replicates would probably decide a pair that is undecided.

This is planning, not evidence: it takes the difference and the spread that were observed for the true ones, and both
are uncertain: hence a range, from the differences and spreads that the data allow. Power that is computed from an
observed difference says nothing about the observed data that their p-value doesn't say (Hoenig and Heisey 2001).
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from search.statistics.permutation import smallest_p
from search.statistics.scores import FloatArray, IntArray

POWER = 0.8
CAP = 1_000
# Quantiles at which the plausible values of the mean and of the spread are tried: the middle of fifths of each.
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
TAIL = 0.1
FEW, STEPS = 30, 70
# scipy's noncentral t loses digits beyond this noncentrality, where all powers are 1 anyway.
LARGEST_NONCENTRALITY = 35.0


@dataclass(frozen=True)
class Estimate:
    """With `replicates` in all, a claim would be made with probability `power`, if the difference and the spread of the
    differences were exactly as observed: that the arms differ (`equivalent` false) or that they don't matter to each
    other (true). `replicates` is None if more than `cap` would be needed.

    `low` and `high` say how rough that is: the numbers for plausible differences and spreads lie between them in about
    four of five cases. None stands for more than `cap`.
    """

    replicates: int | None
    equivalent: bool
    low: int | None
    high: int | None
    power: float = POWER
    cap: int = CAP


@dataclass(frozen=True)
class Levels:
    """The levels at which a pair is tested: two-sided for a difference, of each side for an equivalence."""

    difference: float
    equivalence: float


def estimate(mean: float, deviation: float, margin: float, levels: Levels, *, n: int) -> Estimate:
    """How many replicates, more than n, would decide, of n paired differences of that mean and standard deviation."""
    replicates, equivalent = replicates_to_decide(mean, deviation, margin, levels, every_count(n))
    low, high = plausible_range(mean, deviation, margin, levels, n=n)
    return Estimate(replicates, equivalent, low, high)


def replicates_to_decide(
    mean: float, deviation: float, margin: float, levels: Levels, counts: IntArray
) -> tuple[int | None, bool]:
    """The smallest of the counts that would decide if mean and deviation were the true ones, None if none would; and
    whether it would decide for equivalence.
    """
    sees_difference = power_of_difference(counts, mean, deviation, levels.difference)
    sees_equivalence = power_of_equivalence(counts, mean, deviation, margin, levels.equivalence)
    different = first_with_power(counts, sees_difference, levels.difference)
    equivalent = first_with_power(counts, sees_equivalence, 2 * levels.equivalence)
    if equivalent is not None and (different is None or equivalent <= different):
        return equivalent, True
    return different, different is None and abs(mean) < margin


def plausible_range(
    mean: float, deviation: float, margin: float, levels: Levels, *, n: int
) -> tuple[int | None, int | None]:
    """The numbers of replicates for means and deviations that n differences allow, without the lowest and the highest
    tenth: Student's t and chi-squared distributions around what was observed.
    """
    df = n - 1
    means = mean + stats.t.ppf(QUANTILES, df) * deviation / np.sqrt(n)
    deviations = deviation * np.sqrt(df / stats.chi2.ppf(QUANTILES, df))
    counts = some_counts(n)
    found = [
        replicates_to_decide(float(one), float(other), margin, levels, counts)[0]
        for one in means
        for other in deviations
    ]
    ordered = sorted(found, key=lambda replicates: CAP + 1 if replicates is None else replicates)
    left_out = round(TAIL * len(ordered))
    return ordered[left_out], ordered[-1 - left_out]


def every_count(n: int) -> IntArray:
    """Every number of replicates above n."""
    return np.arange(max(n + 1, 2), CAP + 1)


def some_counts(n: int) -> IntArray:
    """Numbers of replicates above n: each of the first, then a twentieth more each time: enough digits for a range."""
    few = np.arange(max(n + 1, 2), FEW)
    more = np.unique(np.geomspace(max(FEW, n + 1), CAP, STEPS).round().astype(int))
    return np.concatenate([few, more])


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
