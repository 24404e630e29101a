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

    classes = range(probabilities.shape[1])[1:] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    ranked = [(labels == one, np.unique(probabilities[:, one], return_inverse=True)[1]) for one in classes]

    def of(weights: "NDArray[Any]") -> float:
        areas = np.array([_area(positive, ranks, weights) for positive, ranks in ranked])
        areas = areas[~np.isnan(areas)]
        return float(areas.mean()) if len(areas) else float("nan")

    return of


def _area(positive: "NDArray[Any]", ranks: "NDArray[Any]", weights: "NDArray[Any]") -> float:
    """The share of pairs of an image of the class and another one in which the first has the higher probability; equal
    ones count half.
    """
    import numpy as np

    own = np.bincount(ranks, weights * positive)
    others = np.bincount(ranks, weights * ~positive)
    pairs = own.sum() * others.sum()
    below = np.cumsum(others) - others / 2
    return float((own * below).sum() / pairs) if pairs else float("nan")


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
