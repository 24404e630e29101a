"""Metrics of the probabilities that a model gives its classes.

Each takes labels (n,), integers from 0, and probabilities (n, classes), float64 in [0, 1], and returns a function from
the weights of the images, (n,) and 0 or more, to the metric. So a bootstrap, which draws weights again and again, sorts
nothing twice.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # NumPy takes a tenth of a second, which a command's --help doesn't have
    from collections.abc import Callable

    from numpy.typing import NDArray

    Weighted = Callable[[NDArray[Any]], float]

BINS = 15


def auc(labels: "NDArray[Any]", probabilities: "NDArray[Any]") -> "Weighted":
    """The area under the ROC curve of each class against the rest, averaged over the classes that have images and
    aren't all there is; in [0, 1]. NaN where no class is left. Of two classes, the second one's.
    """
    import numpy as np

    first = 1 if probabilities.shape[1] == 2 else 0
    scores = np.ascontiguousarray(probabilities[:, first:].T)
    classes, n = scores.shape
    positive = labels == np.arange(first, first + classes)[:, None]
    # The ranks of all classes in one row: a class's number times n, plus the rank among its different probabilities.
    order = scores.argsort(axis=1)
    ordered = np.take_along_axis(scores, order, axis=1)
    ranks = np.zeros((classes, n), np.int64)
    np.put_along_axis(ranks, order[:, 1:], (ordered[:, 1:] != ordered[:, :-1]).cumsum(axis=1), axis=1)
    places = (ranks + n * np.arange(classes)[:, None]).ravel()

    def of(weights: "NDArray[Any]") -> float:
        own = np.bincount(places, (weights * positive).ravel(), classes * n).reshape(classes, n)
        others = np.bincount(places, (weights * ~positive).ravel(), classes * n).reshape(classes, n)
        pairs = own.sum(axis=1) * others.sum(axis=1)
        below = np.cumsum(others, axis=1) - others / 2  # equal probabilities count half
        there = pairs > 0
        return float(((own * below).sum(axis=1)[there] / pairs[there]).mean()) if there.any() else float("nan")

    return of


def brier(labels: "NDArray[Any]", probabilities: "NDArray[Any]") -> "Weighted":
    """The mean over images of the squared distances of all classes' probabilities to the truth, in [0, 2]."""
    import numpy as np

    truth = labels[:, None] == np.arange(probabilities.shape[1])
    distances = ((probabilities - truth) ** 2).sum(axis=1)
    return lambda weights: float(np.average(distances, weights=weights))


def calibration_error(labels: "NDArray[Any]", probabilities: "NDArray[Any]") -> "Weighted":
    """The expected calibration error: the distance of accuracy and confidence, the most probable class's probability,
    in 15 bins of confidence of one width, averaged over images; in [0, 1]. A bin has its upper edge, not its lower.
    """
    import numpy as np

    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence)

    def of(weights: "NDArray[Any]") -> float:
        gaps = np.bincount(bins, weights * (correct - confidence), BINS)
        return float(np.abs(gaps).sum() / weights.sum())

    return of
