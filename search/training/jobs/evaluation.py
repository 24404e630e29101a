"""How a finished model does on images: its scores, and which classes it takes for which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.training.epochs.epochs import Score
from search.training.measuring.estimates import estimates
from search.training.models.building import cross_entropy
from spaces.estimate import Estimate
from spaces.metrics import MetricName


@dataclass(frozen=True)
class Evaluation:
    """`confusion` counts, for each class (row), for which class (column) its images were taken; `metrics` are those
    that were asked for, as far as they are defined.
    """

    score: Score
    confusion: tuple[tuple[int, ...], ...]
    metrics: Mapping[MetricName, Estimate]


def evaluation(
    model: Any,
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: int,
    batch_size: int,
    metrics: Sequence[MetricName] = (),
) -> Evaluation:
    """All of it from one pass over the images.

    The model, which needn't be compiled, goes from images (n, height, width, channels) to logits (n, classes); labels
    are (n,).
    """
    logits = model.predict(images, batch_size=batch_size, verbose=0)
    taken_for = np.argmax(logits, axis=-1)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, taken_for), 1)
    score = Score(float(cross_entropy()(labels, logits)), float(np.mean(taken_for == labels)))
    confusion = tuple(tuple(int(count) for count in row) for row in counts)
    return Evaluation(score, confusion, estimates(metrics, labels, logits))
