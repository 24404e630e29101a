"""How often each class was right, there, and named: what the metrics of a confusion are made of."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ClassCounts:
    """Counts of images by class: those of the class that were taken for it, those of it, those taken for it; and
    `top5`, how many images have their class among the five most probable ones. Counts may be weighted, and so floats.
    """

    hits: Sequence[float]
    labels: Sequence[float]
    predicted: Sequence[float]
    top5: float = 0.0

    @property
    def images(self) -> float:
        """The number of images."""
        return sum(self.labels)


def recalls(counts: ClassCounts) -> list[float | None]:
    """The share of each class that was recognized, in [0, 1]; None for a class without images."""
    return [hits / n if n else None for hits, n in zip(counts.hits, counts.labels, strict=True)]


def balanced_accuracy(counts: ClassCounts) -> float:
    """The mean recall of the classes that have images, in [0, 1]."""
    present = [recall for recall in recalls(counts) if recall is not None]
    return sum(present) / len(present)


def macro_f1(counts: ClassCounts) -> float:
    """The mean F1 score of the classes that have images or were named, in [0, 1]."""
    classes = zip(counts.hits, counts.labels, counts.predicted, strict=True)
    scores = [2 * hits / (n + named) for hits, n, named in classes if n + named]
    return sum(scores) / len(scores)


def top5_accuracy(counts: ClassCounts) -> float:
    """The share of images whose class is among the five most probable ones, in [0, 1]."""
    return counts.top5 / counts.images
