"""Augmentation: how each training image is mirrored and shifted in an epoch.

For each image a row of numbers is drawn; they are applied by the same operations in NumPy and on a device.
"""

import numpy as np
from numpy.typing import NDArray

from spaces.configuration import Augmentation

AUGMENT = 1  # what the seed of an epoch is used for besides its order

Parameters = NDArray[np.int64]


def draw_parameters(augmentation: Augmentation, n: int, seed: int, epoch: int) -> Parameters | None:
    """The parameters of an epoch's images, int64 (n, 4): whether it is mirrored (0, 1), how many pixels it is shifted
    up and to the left, and whether what comes in is zero rather than the edge (0, 1). None: none is changed.
    """
    if augmentation == Augmentation():
        return None
    rng = np.random.default_rng([seed, epoch, AUGMENT])
    most = augmentation.shift or augmentation.crop
    mirrored = rng.integers(0, 2, (n, 1)) * augmentation.flip
    shifted = rng.integers(-most, most + 1, (n, 2))
    return np.hstack([mirrored, shifted, np.full((n, 1), augmentation.crop > 0)]).astype(np.int64)


def augment(images: NDArray[np.float32], parameters: Parameters) -> NDArray[np.float32]:
    """Images float32 (n, height, width, channels), each mirrored and shifted as its row says."""
    n, height, width, _ = images.shape
    mirrored, up, left, zero = (column[:, np.newaxis] for column in parameters.T)
    columns = np.arange(width)
    rows = np.arange(height) + up
    columns = np.where(mirrored == 1, columns[::-1], columns) + left
    inside = ((rows >= 0) & (rows < height))[:, :, np.newaxis] & ((columns >= 0) & (columns < width))[:, np.newaxis]
    chosen = images[
        np.arange(n)[:, np.newaxis, np.newaxis],
        rows.clip(0, height - 1)[:, :, np.newaxis],
        columns.clip(0, width - 1)[:, np.newaxis],
    ]
    kept = inside | (zero == 0)[:, :, np.newaxis]
    augmented: NDArray[np.float32] = np.where(kept[..., np.newaxis], chosen, np.float32(0))
    return augmented
