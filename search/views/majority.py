"""The majority's share: the accuracy of always naming the most frequent class, to compare accuracies with."""

from typing import Literal

from storage import Manifest

PartName = Literal["training", "validation", "test"]


def majority_share(manifest: Manifest, part: PartName) -> float | None:
    """The share of the most frequent class among the images of a part; None where a study doesn't know its counts."""
    counts = manifest.class_counts.get(part, ())
    return max(counts) / sum(counts) if sum(counts) else None


def majority_words(manifest: Manifest, part: PartName) -> str:
    """The same as half a sentence; "" where it isn't known."""
    share = majority_share(manifest, part)
    if share is None:
        return ""
    counts = manifest.class_counts[part]
    first = counts.index(max(counts))
    name = f"one class ({manifest.classes[first]}, say)" if counts.count(max(counts)) > 1 else manifest.classes[first]
    return f"always naming {name} gives {share:.2%}"
