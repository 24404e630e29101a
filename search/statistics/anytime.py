"""Verdicts on pairs of arms that hold whenever one looks, by e-processes in the place of tests and intervals.

Holm's procedure over p-values that are valid at any time is valid at any time: at every look it rejects no more than
with the smallest p-value that each pair ever gets.
"""

from collections.abc import Sequence

import numpy as np

from search.statistics.eprocess import confidence_sequence, fewest_to_exclude, p_difference, p_equivalence
from search.statistics.intervals import CONFIDENCE, ConfidenceInterval, standard_error
from search.statistics.scores import FEWEST_REPLICATES, FloatArray
from search.statistics.verdict import Decision, Evidence, decision_by


def weigh_anytime(differences: FloatArray, margin: float) -> Evidence:
    """The evidence of paired differences of shape (..., n), in the order of their replicates."""
    n, shape = differences.shape[-1], differences.shape[:-1]
    if n < FEWEST_REPLICATES:
        return Evidence(np.zeros(shape), np.full(shape, np.inf), 1, np.ones(shape), np.ones(shape))
    return Evidence(
        mean=differences.mean(axis=-1),
        error=standard_error(differences),
        df=n - 1,
        p_difference=p_difference(differences, margin)[..., -1],
        p_equivalence=p_equivalence(differences, margin)[..., -1],
    )


def decide_anytime(
    differences: Sequence[FloatArray], evidence: Sequence[Evidence], margin: float, level: float
) -> Decision:
    """What may be claimed of the pairs, as `decide` does, but with errors of at most `level` over all looks together.

    A claim and its interval are the same e-process: where a difference is claimed, the interval excludes 0.
    """
    return decision_by(evidence, level, lambda confidence: bounds(differences, margin, confidence))


def bounds(differences: Sequence[FloatArray], margin: float, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The confidence sequences of all pairs at their last replicate: low and high, of shape (..., pairs)."""
    ends = [
        confidence_sequence(values, margin, confidence[..., place])
        if values.shape[-1] >= FEWEST_REPLICATES
        else (np.full(values.shape[:-1], -np.inf), np.full(values.shape[:-1], np.inf))
        for place, values in enumerate(differences)
    ]
    low, high = (np.stack(side, axis=-1) for side in zip(*ends, strict=True))
    return low, high


def anytime_interval(differences: FloatArray, margin: float) -> ConfidenceInterval | None:
    """The confidence sequence at the last of the differences, of shape (n,); None while it has no ends."""
    if differences.size < FEWEST_REPLICATES:
        return None
    low, high = confidence_sequence(differences, margin, CONFIDENCE)
    if not np.isfinite([low, high]).all():
        return None
    return ConfidenceInterval(float(low), float(high), CONFIDENCE)


def fewest_anytime(pairs: int, level: float) -> int:
    """How many replicates a comparison of this many pairs needs before any can be decided at the level."""
    return fewest_to_exclude(level / pairs / 2)
