"""Images that are in two parts: a model that has trained on an image of the test knows its answer.

Images are compared by their brightness: first in 16 x 16 cells, each with the training image that is most like it, and
then pixel by pixel, where they correlate. Copies are found in another compression and with a little noise. Images that
are too small for that must be equal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.check.finding import Finding

CHECK = "copies"
SMALLEST = 16  # pixels a side
CELLS = 16
ALIKE_IN_CELLS = 0.99
ALIKE = 0.99
PROBLEM = 0.01  # of the test or validation images
AT_ONCE = 256
EXAMPLES = 5

Images = NDArray[Any]
Features = NDArray[np.float32]
Pair = tuple[int, int]


@dataclass(frozen=True)
class PartCopies:
    """How many images of a part are among the training images; of how many; and the first such pairs of positions."""

    part: str
    copies: int
    images: int
    examples: tuple[Pair, ...]


def check_copies(train: Images, others: Mapping[str, Images]) -> Finding:
    """Looks for each image of the other parts among the training images, all of shape (n, height, width, channels)."""
    found = [copies_in(part, train, images) for part, images in others.items() if len(images)]
    numbers = {one.part: {"copies": one.copies, "images": one.images, "examples": one.examples} for one in found}
    if not any(one.copies for one in found):
        return Finding(CHECK, "ok", f"no {' or '.join(others)} image is among the training images", numbers)
    words = ", ".join(f"{one.copies} of {one.images} {one.part} images" for one in found if one.copies)
    worst = max(one.copies / one.images for one in found)
    return Finding(
        CHECK,
        "problem" if worst > PROBLEM else "look",
        f"{words} are among the training images, too: scores on them are too good",
        numbers,
    )


def copies_in(part: str, train: Images, images: Images) -> PartCopies:
    """The images of a part that are among the training images. Plain images, all alike, don't count."""
    search = equal_pairs if min(train.shape[1:3]) < SMALLEST else alike_pairs
    pairs = list(search(train, images))
    return PartCopies(part, len(pairs), len(images), tuple(pairs[:EXAMPLES]))


def equal_pairs(train: Images, images: Images) -> Iterator[Pair]:
    """Pairs of positions, in the training images and in the others, of images with the same pixels."""
    known = {image.tobytes(): position for position, image in enumerate(train)}
    for position, image in enumerate(images):
        same = known.get(image.tobytes())
        if same is not None and np.ptp(image) > 0:
            yield same, position


def alike_pairs(train: Images, images: Images) -> Iterator[Pair]:
    """Pairs of positions of images that are alike."""
    known = normalized(brightness(train))
    for first in range(0, len(images), AT_ONCE):
        some = normalized(brightness(images[first : first + AT_ONCE]))
        likeness = some @ known.T
        nearest = likeness.argmax(axis=1)
        for row in np.flatnonzero(likeness[np.arange(len(some)), nearest] >= ALIKE_IN_CELLS):
            same, position = int(nearest[row]), first + int(row)
            if correlation(train[same], images[position]) >= ALIKE:
                yield same, position


def brightness(images: Images) -> Features:
    """The mean brightness of each cell, (n, 256), for images of (n, height, width, channels)."""
    top, left = (np.linspace(0, side, CELLS + 1).astype(int) for side in images.shape[1:3])
    means = np.empty((len(images), CELLS, CELLS), np.float32)
    for row in range(CELLS):
        for column in range(CELLS):
            cell = images[:, top[row] : top[row + 1], left[column] : left[column + 1]]
            means[:, row, column] = cell.mean(axis=(1, 2, 3), dtype=np.float32)
    return means.reshape(len(images), -1)


def normalized(features: Features) -> Features:
    """Rows of mean 0 and length 1, whose products are correlations; rows of zeros where all is equal."""
    centered = features - features.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centered, axis=1, keepdims=True)
    found: Features = np.divide(centered, lengths, out=np.zeros_like(centered), where=lengths > 1e-6)
    return found


def correlation(one: Images, other: Images) -> float:
    """That of the pixels of two images."""
    first, second = normalized(np.stack([one.ravel(), other.ravel()]).astype(np.float32))
    return float(first @ second)
