"""Metrics of given logits, and how far they would differ on other images."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spaces.class_counts import ClassCounts
from spaces.metrics import METRICS, MetricName

TOP = 5

Labels = NDArray[np.int64]
Logits = NDArray[np.float32]
Weights = NDArray[np.float64]


def scores_of_logits(names: Sequence[MetricName], labels: Labels, logits: Logits) -> dict[str, float]:
    """Each metric of images with these labels (n,) and logits (n, classes); NaN where it isn't defined."""
    if not np.isfinite(logits).all():
        return dict.fromkeys(names, float("nan"))
    equal = np.ones(len(labels))
    return {name: weighted_score(name, labels, logits)(equal) for name in names}


def weighted_score(name: MetricName, labels: Labels, logits: Logits) -> Callable[[Weights], float]:
    """A further metric as a function of the images' weights (n,)."""
    metric = METRICS[name]
    if metric.of_probabilities is not None:
        return metric.of_probabilities(labels, probabilities(logits))
    if metric.of_counts is None:
        raise ValueError(f"{name} is none that is made of counts or logits")
    from_counts, taken_for = metric.of_counts, logits.argmax(axis=1)
    in_top5 = within_top5(labels, logits) if name == "val_top5" else np.zeros(len(labels), np.bool_)
    return lambda weights: from_counts(_counts(labels, taken_for, in_top5, weights, logits.shape[1]))


def probabilities(logits: Logits) -> NDArray[np.float64]:
    """The softmax of logits (n, classes)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    normalized: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return normalized


def within_top5(labels: Labels, logits: Logits) -> NDArray[np.bool_]:
    """Whether an image's class is among the five with the largest logits; of equal ones, later classes come first."""
    own = np.take_along_axis(logits, labels[:, None], axis=1)
    later = np.arange(logits.shape[1]) > labels[:, None]
    within: NDArray[np.bool_] = ((logits > own) | ((logits == own) & later)).sum(axis=1) < TOP
    return within


def _counts(
    labels: Labels, taken_for: Labels, in_top5: NDArray[np.bool_], weights: Weights, classes: int
) -> ClassCounts:
    hits, images, predicted = (
        np.bincount(of, weighted, classes).tolist()
        for of, weighted in ((labels, weights * (labels == taken_for)), (labels, weights), (taken_for, weights))
    )
    return ClassCounts(hits, images, predicted, float((weights * in_top5).sum()))
