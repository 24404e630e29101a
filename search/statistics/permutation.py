"""Paired permutation tests: under no difference, each replicate's difference is as likely to have the other sign.

Fisher (1935). The tests need neither normality nor an estimate of the spread: where the two arms are exchangeable given
the seed, they hold exactly at any number of replicates, ties included.
"""

from typing import Literal

import numpy as np
from scipy import stats

from search.errors import UsageError
from search.statistics.scores import FloatArray

# All sign patterns are enumerated up to 16 replicates; beyond, this many are drawn.
RESAMPLES = 99_999
# This many fit into a processor's cache, which makes many comparisons at once several times faster.
VALUES_AT_ONCE = 500_000


def sign_flip(
    values: FloatArray,
    rng: np.random.Generator,
    *,
    alternative: Literal["two-sided", "less", "greater"] = "two-sided",
    resamples: int = RESAMPLES,
) -> FloatArray:
    """The p-values of the sign-flip test that values of shape (..., n) are symmetric about 0: shape (...)."""
    found = stats.permutation_test(
        (values,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        axis=-1,
        n_resamples=resamples,
        batch=max(1, VALUES_AT_ONCE // values.size),
        alternative=alternative,
        rng=rng,
    )
    return np.asarray(found.pvalue)


def equivalence(
    values: FloatArray, margin: float, rng: np.random.Generator, *, resamples: int = RESAMPLES
) -> FloatArray:
    """The p-values of two one-sided tests (TOST: Schuirmann 1987) that the mean lies outside -margin..margin."""
    below = sign_flip(values - margin, rng, alternative="less", resamples=resamples)
    above = sign_flip(values + margin, rng, alternative="greater", resamples=resamples)
    return np.maximum(below, above)


def smallest_p(n: int) -> float:
    """The smallest two-sided p-value that n replicates can give."""
    return min(1.0, 2.0 / min(1 << n, RESAMPLES + 1))


def fewest_replicates(pairs: int, level: float) -> int:
    """How many replicates a comparison of this many pairs needs before any can be decided at the level.

    Raises:
        UsageError: no number of replicates can, as the test's resolution is too coarse for the level.
    """
    if level / pairs < 2.0 / (RESAMPLES + 1):
        raise UsageError(
            f"{pairs} pairs can't be judged at level {level:g} with {RESAMPLES} resamples: compare fewer arms, or look"
            " at them less often"
        )
    return next(n for n in range(1, RESAMPLES) if smallest_p(n) <= level / pairs)
