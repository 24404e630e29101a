"""Confidence intervals of a mean.

Student's t carries the claims: at the few replicates that a comparison has, it covers what it says, and the bootstrap
doesn't (measured in docs/statistics.md). The bootstrap interval is a second opinion that, unlike Student's, may be
lopsided: where the two disagree, the differences are skewed, or one replicate stands out.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from search.statistics.scores import FEWEST_REPLICATES, FloatArray

CONFIDENCE = 0.95
FEWEST_FOR_BOOTSTRAP = 8
BOOTSTRAP_RESAMPLES = 9_999
VALUES_AT_ONCE = 500_000


@dataclass(frozen=True)
class ConfidenceInterval:
    """From `low` to `high`, in the scores' unit, by a method that covers the truth with probability `confidence`."""

    low: float
    high: float
    confidence: float


def student(
    mean: FloatArray, error: FloatArray, df: int | FloatArray, confidence: float | FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Student's interval (1908) around means of standard error `error` with `df` degrees of freedom: low and high.

    Everything broadcasts. An error of 0 gives a point, an infinite one the whole line.
    """
    half = stats.t.isf((1.0 - np.asarray(confidence)) / 2, df) * error
    return mean - half, mean + half


def standard_error(values: FloatArray) -> FloatArray:
    """Of means along the last axis, which has at least two values."""
    return np.asarray(deviation(values) / np.sqrt(values.shape[-1]))


def deviation(values: FloatArray) -> FloatArray:
    """The standard deviation along the last axis, which has at least two values; exactly 0 where all are equal."""
    return np.asarray(np.where(np.ptp(values, axis=-1) == 0, 0.0, values.std(axis=-1, ddof=1)))


def student_interval(values: FloatArray) -> ConfidenceInterval | None:
    """Student's 95 % interval of the mean of values of shape (n,); None for fewer than two."""
    if values.size < FEWEST_REPLICATES:
        return None
    low, high = student(values.mean(), standard_error(values), values.size - 1, CONFIDENCE)
    return ConfidenceInterval(float(low), float(high), CONFIDENCE)


def share_limits(
    mean: FloatArray, error: FloatArray, n: int, images: int, confidence: float | FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The interval of the mean of n shares of that many images each: low and high, of means and standard errors.

    Shares near 1 are skewed, and Student's interval around their mean covers too little. Around its logit it does not,
    and ends within 0 and 1. The mean is first moved towards a half by half an image, as that of all right has no logit.

    Equal shares show no spread, which among few nearly perfect ones is frequent: theirs is Wilson's interval (1927) of
    all their images, as the images alone would make them differ.
    """
    total = n * images
    inner = (mean * total + 0.5) / (total + 1)
    middle, half = special.logit(inner), stats.t.isf((1 - np.asarray(confidence)) / 2, n - 1) * error
    reach = half / (inner * (1 - inner))
    low, high = special.expit(middle - reach), special.expit(middle + reach)
    equal = np.asarray(error) == 0
    least, most = wilson(mean, total, confidence)
    return (
        np.asarray(np.where(equal, least, np.minimum(low, mean))),
        np.asarray(np.where(equal, most, np.maximum(high, mean))),
    )


def wilson(share: FloatArray, total: int, confidence: float | FloatArray) -> tuple[FloatArray, FloatArray]:
    """Wilson's interval (1927) of a share of `total` images: low and high, within 0 and 1."""
    z = stats.norm.isf((1 - np.asarray(confidence)) / 2)
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def share_interval(values: FloatArray, images: int) -> ConfidenceInterval | None:
    """The 95 % interval of the mean of values of shape (n,), shares of that many images; None for fewer than two."""
    if values.size < FEWEST_REPLICATES:
        return None
    low, high = share_limits(values.mean(), standard_error(values), values.size, images, CONFIDENCE)
    return ConfidenceInterval(float(low), float(high), CONFIDENCE)


def new_data_interval(values: FloatArray, test_share: float) -> ConfidenceInterval | None:
    """The 95 % interval of the mean that is to be expected on new data of this size; None for fewer than two values.

    The replicates' splits are drawn from the same images, so that their scores depend on each other: 1/n in the
    variance of the mean becomes 1/n + `test_share`, the images tested by the images trained on (Nadeau and Bengio
    2003).
    """
    if values.size < FEWEST_REPLICATES:
        return None
    error = np.asarray(deviation(values) * np.sqrt(1 / values.size + test_share))
    low, high = student(values.mean(), error, values.size - 1, CONFIDENCE)
    return ConfidenceInterval(float(low), float(high), CONFIDENCE)


def bca(
    values: FloatArray, rng: np.random.Generator, confidence: float, *, resamples: int = BOOTSTRAP_RESAMPLES
) -> tuple[FloatArray, FloatArray]:
    """The bias-corrected and accelerated bootstrap interval (Efron 1987) of means along the last axis: low and high."""
    found = stats.bootstrap(
        (values,),
        np.mean,
        axis=-1,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, VALUES_AT_ONCE // values.size),
        confidence_level=confidence,
        method="BCa",
        rng=rng,
    ).confidence_interval
    return np.asarray(found.low), np.asarray(found.high)


def expanded(confidence: float, n: int) -> float:
    """The confidence to ask of a bootstrap of n values, so that it has about the confidence that is wanted.

    The bootstrap's spread is too small by sqrt(1 - 1/n), and its tails are the normal's, not Student's: Hesterberg
    (2015), "expanded percentiles".
    """
    z = np.sqrt(n / (n - 1)) * stats.t.isf((1 - confidence) / 2, n - 1)
    return float(1 - 2 * stats.norm.sf(z))


def bootstrap_interval(values: FloatArray, rng: np.random.Generator) -> ConfidenceInterval | None:
    """The bootstrap's 95 % interval of the mean of values of shape (n,); None for fewer than eight, or all equal."""
    n = values.size
    if n < FEWEST_FOR_BOOTSTRAP or np.ptp(values) == 0:
        return None
    low, high = bca(values, rng, expanded(CONFIDENCE, n))
    return ConfidenceInterval(float(low), float(high), CONFIDENCE)
