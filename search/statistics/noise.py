"""Where the spread of equal trainings is from: a random-effects analysis of a Latin square of seeds.

The initial weights, the split and the order of the images each have m seeds, and each pair of their seeds meets once in
m * m trainings. Sums of squares, each adjusted for the other two factors, give a variance component for each, and what
is left is their interactions. A cell that failed is left out: the sums stay those of least squares.

Intervals of the shares are generalized ones (Weerahandi 1993): sums of squares are divided by draws of their
chi-squared distributions, and the shares that result are ranked.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from search.statistics.intervals import CONFIDENCE, ConfidenceInterval
from search.statistics.scores import FloatArray, IntArray

FACTORS = ("initialization", "split", "order")
REST = "rest"
DRAWS = 20_000
FEWEST_SEEDS, MOST_SEEDS = 3, 10


@dataclass(frozen=True)
class VarianceShare:
    """A part of the variance: its name, its standard deviation in the scores' unit, its share of the whole with a 95 %
    interval. Estimates below 0 count as 0.
    """

    name: str
    deviation: float
    share: float
    interval: ConfidenceInterval


@dataclass(frozen=True)
class NoiseAnswer:
    """What n trainings of one configuration say: their mean, the standard deviation of a training with seeds of its
    own, and what it is made up of. `validation` is the share that a validation set of that many images would have by
    itself, if its images were drawn again each time; None for objectives that aren't shares of images.
    """

    n: int
    mean: float
    deviation: float
    shares: tuple[VarianceShare, ...]
    validation: float | None

    def deviation_of(self, name: str) -> float:
        """The standard deviation of a part."""
        return next(share.deviation for share in self.shares if share.name == name)


def latin_square(seeds: int) -> IntArray:
    """The seeds of each training, by their numbers: shape (seeds * seeds, 3), in the order of `FACTORS`."""
    first, second = np.divmod(np.arange(seeds * seeds), seeds)
    return np.stack([first, second, (first + second) % seeds], axis=1)


def measure_noise(
    scores: Mapping[int, float], seeds: int, *, images: int | None = None, seed: int = 0
) -> NoiseAnswer | None:
    """What the scores of a square's cells say, by cell; None while too few are there to tell the factors apart.

    `images` is the number of validation images, for accuracies and their like.
    """
    cells = sorted(scores)
    values = np.array([scores[cell] for cell in cells], dtype=np.float64)
    square = latin_square(seeds)[cells]
    # The same number each time has no spread at all, not that of rounding.
    found = sums_of_squares(values - values[:1], square)
    if found is None:
        return None
    sums, counts, frees = found
    components = estimated(sums, counts, frees)
    total = float(components.sum())
    drawn = drawn_shares(sums, counts, frees, np.random.default_rng(seed))
    tails = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tails, 1 - tails], axis=0)
    shares = tuple(
        VarianceShare(
            name,
            math.sqrt(components[place]),
            float(components[place] / total) if total else 0.0,
            ConfidenceInterval(float(low[place]), float(high[place]), CONFIDENCE),
        )
        for place, name in enumerate((*FACTORS, REST))
    )
    mean = float(values.mean())
    return NoiseAnswer(len(values), mean, math.sqrt(total), shares, validation_share(mean, total, images))


def validation_share(mean: float, total: float, images: int | None) -> float | None:
    """The binomial variance of a share of images, by the whole variance; at most 1."""
    if images is None or not total:
        return None
    return min(1.0, max(0.0, mean * (1 - mean)) / images / total)


def sums_of_squares(values: FloatArray, square: IntArray) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """For each factor and for the rest: the sum of squares, how many times the factor's variance its mean square holds,
    and the degrees of freedom. None where the cells don't determine them.
    """
    indicators = [np.equal.outer(column, np.unique(column)).astype(np.float64) for column in square.T]
    ones = np.ones((len(values), 1))
    whole = projection(np.hstack([ones, *indicators]))
    sums, counts, frees = [], [], []
    for place, own in enumerate(indicators):
        others = [other for number, other in enumerate(indicators) if number != place]
        difference = whole - projection(np.hstack([ones, *others]))
        free = round(float(np.trace(difference)))
        if free < 1:
            return None
        sums.append(float(values @ difference @ values))
        counts.append(float(np.trace(difference @ own @ own.T)) / free)
        frees.append(free)
    left = len(values) - round(float(np.trace(whole)))
    if left < 1:
        return None
    rest = float(values @ (np.eye(len(values)) - whole) @ values)
    return np.array([*sums, rest]), np.array([*counts, 1.0]), np.array([*frees, left], dtype=np.float64)


def projection(columns: FloatArray) -> FloatArray:
    """The projection onto the space of the columns."""
    return np.asarray(columns @ np.linalg.pinv(columns))


def estimated(sums: FloatArray, counts: FloatArray, frees: FloatArray) -> FloatArray:
    """The variance components from mean squares (Henderson 1953), none below 0. Everything broadcasts."""
    mean_squares = np.maximum(sums, 0.0) / frees
    rest = mean_squares[..., -1:]
    factors = np.maximum(0.0, (mean_squares[..., :-1] - rest) / counts[:-1])
    return np.concatenate([factors, rest], axis=-1)


def drawn_shares(sums: FloatArray, counts: FloatArray, frees: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Shares of the whole that the sums of squares allow: shape (draws, parts)."""
    chi_squared = rng.chisquare(frees, size=(DRAWS, len(frees)))
    components = estimated(sums * frees / chi_squared, counts, frees)
    total = components.sum(axis=-1, keepdims=True)
    return np.asarray(components / np.where(total > 0, total, 1.0))
