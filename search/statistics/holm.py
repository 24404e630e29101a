"""Correction for judging several pairs at once: Holm's step-down procedure (1979).

scipy has none: its `false_discovery_control` controls another error.
"""

import numpy as np

from search.statistics.scores import FloatArray


def corrected(p: FloatArray) -> FloatArray:
    """Holm's corrected p-values, of p-values of shape (..., pairs).

    Rejecting those at most `level` is wrong about any true hypothesis with a probability of at most `level`, whichever
    are true and however they depend on each other.
    """
    order = np.argsort(p, axis=-1, kind="stable")
    hypotheses_left = np.arange(p.shape[-1], 0, -1)
    stepped = np.maximum.accumulate(np.take_along_axis(p, order, axis=-1) * hypotheses_left, axis=-1)
    result = np.empty_like(stepped)
    np.put_along_axis(result, order, np.minimum(stepped, 1.0), axis=-1)
    return result


def levels(p: FloatArray, level: float) -> FloatArray:
    """The level at which the procedure tests each pair: `level` divided by the hypotheses that still stand by then.

    Pairs after the first that isn't rejected get the level of that one, where the procedure stopped.
    """
    rank = np.argsort(np.argsort(p, axis=-1, kind="stable"), axis=-1)
    rejected = np.sum(corrected(p) <= level, axis=-1, keepdims=True)
    return np.asarray(level / (p.shape[-1] - np.minimum(rank, rejected)))
