"""Metrics of given logits, each with an interval: how far it would differ on other images of the same classes."""

from collections.abc import Callable, Sequence

import numpy as np

from search.training.measuring.scores import Labels, Logits, Weights, weighted_score
from spaces.estimate import Estimate
from spaces.metrics import MetricName

DRAWS = 1_000
LEVEL = 0.95

Score = Callable[[Weights], float]


def estimates(names: Sequence[MetricName], labels: Labels, logits: Logits) -> dict[MetricName, Estimate]:
    """Each metric of images with these labels (n,) and logits (n, classes); those that aren't defined are left out."""
    if not len(labels) or not np.isfinite(logits).all():
        return {}
    found = {name: estimate(_score(name, labels, logits), labels) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def estimate(score: Score, labels: Labels, draws: int = DRAWS) -> Estimate | None:
    """A score of the images' weights (n,) when all are 1, with the percentiles of a stratified bootstrap; None where it
    isn't finite.

    Images are drawn with replacement within each class, so that no draw lacks one, and the classes keep their shares.
    The same labels give the same draws.
    """
    value = score(np.ones(len(labels)))
    if not np.isfinite(value):
        return None
    source = np.random.default_rng(0)
    members = [np.flatnonzero(labels == one) for one in np.unique(labels)]
    drawn = [score(_drawn(source, members, len(labels))) for _ in range(draws)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(value), float(low), float(high))


def _drawn(source: np.random.Generator, members: Sequence[Labels], n: int) -> Weights:
    """How often each image is drawn, when as many of each class are as there are."""
    weights = np.empty(n)
    for indices in members:
        chosen = source.integers(len(indices), size=len(indices))
        weights[indices] = np.bincount(chosen, minlength=len(indices))
    return weights


def _score(name: MetricName, labels: Labels, logits: Logits) -> Score:
    match name:
        case "val_accuracy":
            return _mean(logits.argmax(axis=1) == labels)
        case "val_loss":
            shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
            own = np.take_along_axis(shifted, labels[:, None], axis=1)[:, 0]
            return _mean(np.log(np.exp(shifted).sum(axis=1)) - own)
        case _:
            return weighted_score(name, labels, logits)


def _mean(values: np.ndarray) -> Score:
    return lambda weights: float(np.average(values, weights=weights))
