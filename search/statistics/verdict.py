"""Verdicts on pairs of arms against a margin, with error rates that hold for all pairs together.

Every claim needs two witnesses: a permutation test, which holds at any number of replicates if the differences are
symmetric, and Student's interval, which shows how large the difference may be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from search.statistics import holm
from search.statistics.intervals import standard_error, student
from search.statistics.permutation import RESAMPLES, equivalence, sign_flip
from search.statistics.scores import FEWEST_REPLICATES, SMALLEST_STEP, BoolArray, FloatArray

Bounds = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


class Verdict(StrEnum):
    """What is said of the first arm of a pair, compared with the second."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Evidence:
    """What the differences of one pair say: fields of one shape, one item a simulated or real comparison.

    `mean` and its standard error `error` are in the scores' unit; `p_difference` and `p_equivalence` aren't corrected.
    """

    mean: FloatArray
    error: FloatArray
    df: int
    p_difference: FloatArray
    p_equivalence: FloatArray


@dataclass(frozen=True)
class Decision:
    """What is claimed of each pair: arrays of shape (..., pairs).

    p-values are corrected for the number of pairs. `low` and `high` bound the difference at the level at which Holm's
    procedure tested it, `confidence`; those of `within_` are the interval of the equivalence test, at its
    `within_confidence`. At most one of `higher`, `lower`, `equivalent` is true.
    """

    p_difference: FloatArray
    confidence: FloatArray
    low: FloatArray
    high: FloatArray
    p_equivalence: FloatArray
    within_confidence: FloatArray
    within_low: FloatArray
    within_high: FloatArray
    higher: BoolArray
    lower: BoolArray
    equivalent: BoolArray


def weigh(
    differences: FloatArray,
    margin: float,
    rng: np.random.Generator,
    *,
    step: float = SMALLEST_STEP,
    resamples: int = RESAMPLES,
) -> Evidence:
    """The evidence of paired differences of shape (..., n). Fewer than two replicates are none.

    The permutation tests see the differences as whole numbers of `step`s, whose sums are exact: sign patterns that tie
    as fractions then tie in the computer as well, and a p-value counts all of them.
    """
    n = differences.shape[-1]
    if n < FEWEST_REPLICATES:
        shape = differences.shape[:-1]
        return Evidence(np.zeros(shape), np.full(shape, np.inf), 1, np.ones(shape), np.ones(shape))
    steps = np.rint(differences / step)
    return Evidence(
        mean=differences.mean(axis=-1),
        error=standard_error(differences),
        df=n - 1,
        p_difference=sign_flip(steps, rng, resamples=resamples),
        p_equivalence=equivalence(steps, margin / step, rng, resamples=resamples),
    )


def decide(evidence: Sequence[Evidence], margin: float, level: float) -> Decision:
    """What may be claimed of the pairs, with a probability of at most `level` that any claim of difference is wrong,
    and of at most `level` that any claim of equivalence is.

    A difference is claimed if its corrected p-value is at most `level` and its interval excludes 0; equivalence, which
    comes first, if the same holds for its p-value and its interval lies within -margin..margin.
    """
    mean = np.stack([one.mean for one in evidence], axis=-1)
    error = np.stack([one.error for one in evidence], axis=-1)
    df = np.array([one.df for one in evidence])
    return decision_by(evidence, level, lambda confidence: student(mean, error, df, confidence), witness_margin=margin)


def decision_by(
    evidence: Sequence[Evidence], level: float, bounds: Bounds, witness_margin: float | None = None
) -> Decision:
    """What the p-values allow to be claimed of the pairs. `bounds` gives the ends of the pairs' intervals, of shape
    (..., pairs), at these confidences.

    With `witness_margin`, a claim needs its interval as a second witness: that of a difference excludes 0, that of
    equivalence lies within this margin. Without, the p-values and intervals are taken to say the same.
    """
    p_difference = np.stack([one.p_difference for one in evidence], axis=-1)
    p_equivalence = np.stack([one.p_equivalence for one in evidence], axis=-1)
    confidence = 1 - holm.levels(p_difference, level)
    # Two one-sided tests at a level are one interval that leaves out that much on each side.
    within_confidence = 1 - 2 * holm.levels(p_equivalence, level)
    low, high = bounds(confidence)
    within_low, within_high = bounds(within_confidence)
    differs, same = holm.corrected(p_difference) <= level, holm.corrected(p_equivalence) <= level
    if witness_margin is not None:
        differs &= (low > 0) | (high < 0)
        same &= (-witness_margin < within_low) & (within_high < witness_margin)
    return Decision(
        p_difference=holm.corrected(p_difference),
        confidence=confidence,
        low=low,
        high=high,
        p_equivalence=holm.corrected(p_equivalence),
        within_confidence=within_confidence,
        within_low=within_low,
        within_high=within_high,
        higher=differs & (high > -low) & ~same,
        lower=differs & (high < -low) & ~same,
        equivalent=same,
    )
