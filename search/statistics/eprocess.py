"""Sign-flip e-processes: evidence about paired differences that may be looked at after every replicate.

Koning (2023), "Post-hoc and anytime valid permutation and group invariance testing" (arXiv 2310.01153). If a difference
x is as likely to have the other sign, exp(b x) / cosh(b x) has mean 1 whatever the bet b, as long as that was fixed
before the sign was seen. The products over the replicates, in their order, are an e-process: with a probability of at
most `level` it ever reaches 1 / level (Ville's inequality), however long one looks and why ever one stops. So it takes
no plan and no cap, and replicates may be added at any time.

The bet is the margin divided by the variance of the earlier differences: the best one for normal differences whose mean
is the margin. Differences of several margins deserve more, so that half of the wealth is bet twice as high.
"""

import numpy as np

from search.statistics.scores import FloatArray

# The spread that is assumed before the first difference, in margins; it counts as much as one difference.
FIRST_SPREAD = 2.0
MULTIPLES = (1.0, 2.0)
# Halvings of a bracket: enough for the last digit of a double.
HALVINGS = 60
# Beyond this many steps of the largest spread, wealth doesn't grow any more.
DOUBLINGS = 12


def bets(differences: FloatArray, margin: float) -> FloatArray:
    """The bet on each of the differences of shape (..., n), from those before it: the same shape, positive."""
    earlier = np.arange(differences.shape[-1])
    sums, squares = sum_before(differences), sum_before(differences**2)
    around_mean = np.maximum(squares - sums**2 / np.maximum(earlier, 1), 0.0)
    variance = ((FIRST_SPREAD * margin) ** 2 + around_mean) / (1 + np.maximum(earlier - 1, 0))
    return np.asarray(margin / variance)


def sum_before(values: FloatArray) -> FloatArray:
    """The sum of the values before each."""
    before = np.concatenate([np.zeros_like(values[..., :1]), values[..., :-1]], axis=-1)
    return np.asarray(np.cumsum(before, axis=-1))


def log_wealth(differences: FloatArray, bet: FloatArray, center: FloatArray | float = 0.0) -> FloatArray:
    """The logarithm of the e-process against differences that are symmetric about `center`, or about less, after each
    replicate: shape (..., n). It grows where they are above it. `center` has the shape (...).
    """
    above = bet * (differences - np.asarray(center)[..., None])
    # exp(x) / cosh(x) is 2 / (1 + exp(-2x)): without the differences of large numbers that the first form has.
    parts = [np.cumsum(np.log(2) - np.logaddexp(0, -2 * multiple * above), axis=-1) for multiple in MULTIPLES]
    return np.asarray(np.logaddexp.reduce(parts) - np.log(len(MULTIPLES)))


def p_above(differences: FloatArray, margin: float, center: float = 0.0) -> FloatArray:
    """p-values of the differences of shape (..., n) being symmetric about `center` or less, after each replicate: shape
    (..., n). They never grow, and each is valid at any time.
    """
    wealth = log_wealth(differences, bets(differences, margin), np.full(differences.shape[:-1], center))
    return np.asarray(np.exp(-np.maximum(np.maximum.accumulate(wealth, axis=-1), 0.0)))


def p_difference(differences: FloatArray, margin: float) -> FloatArray:
    """p-values of the differences being symmetric about 0, against both sides: shape (..., n), as `p_above`."""
    sides = [p_above(side * differences, margin) for side in (1, -1)]
    return np.asarray(np.minimum(1.0, 2 * np.minimum(*sides)))


def p_equivalence(differences: FloatArray, margin: float) -> FloatArray:
    """p-values of the differences being symmetric about something outside -margin..margin: shape (..., n)."""
    return np.maximum(p_above(differences, margin, -margin), p_above(-differences, margin, -margin))


def confidence_sequence(
    differences: FloatArray, margin: float, confidence: FloatArray | float
) -> tuple[FloatArray, FloatArray]:
    """The centers that no look has excluded so far, low and high, of the differences of shape (..., n): the truth is
    outside at any time with a probability of at most 1 - confidence. Infinite while there are too few.
    """
    limit = np.broadcast_to(np.log(2 / (1 - np.asarray(confidence))), differences.shape[:-1])
    low = lower_end(differences, bets(differences, margin), limit)
    high = -lower_end(-differences, bets(differences, margin), limit)
    return low, high


def lower_end(differences: FloatArray, bet: FloatArray, limit: FloatArray) -> FloatArray:
    """The highest center against which the logarithm of the wealth has reached the limit: by bisection, as wealth falls
    while the center rises.
    """

    def reached(center: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        return np.asarray(log_wealth(differences, bet, center).max(axis=-1) >= limit)

    high = differences.max(axis=-1)  # no difference is above it
    step = np.ptp(differences, axis=-1) + 1 / bet.min(axis=-1)
    low = high - step
    for _ in range(DOUBLINGS):
        low = np.where(reached(low), low, high - step)
        step = 2 * step
    bounded = reached(low)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = np.where(reached(middle), middle, low), np.where(reached(middle), high, middle)
    return np.asarray(np.where(bounded, low, -np.inf))


def fewest_to_exclude(level: float) -> int:
    """How many replicates it takes to reach that level at all: each at most doubles the wealth."""
    return int(np.ceil(np.log2(1 / level)))
