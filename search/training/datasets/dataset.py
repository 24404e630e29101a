"""The data set: labelled images for training and for the final test, as one frozen record."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.training.datasets.errors import ArrayError

Images = NDArray[Any]
Labels = NDArray[np.int64]

TEST_FRACTION = 0.2
TEST_SEED = 0


@dataclass(frozen=True, eq=False)
class DataSet:
    """Labelled images.

    `x_train` and `x_test` are uint8 or float32 of shape (n, height, width, channels), `y_train` and `y_test` int64 of
    shape (n,) with the positions of the labels in `classes`. Divided by `pixel_max`, the pixels lie in [0, 1], or in
    [-1, 1] where the data has negative ones.
    """

    name: str
    x_train: Images
    y_train: Labels
    x_test: Images
    y_test: Labels
    classes: tuple[str, ...]
    pixel_max: float

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        height, width, channels = self.x_train.shape[1:]
        return height, width, channels

    @property
    def nbytes(self) -> int:
        """The bytes of all arrays."""
        return sum(array.nbytes for array in (self.x_train, self.y_train, self.x_test, self.y_test))

    def fingerprint(self) -> str:
        """The SHA-256 of classes and arrays in hex. It doesn't depend on the name, or on where the data came from."""
        digest = hashlib.sha256(repr((self.classes, self.pixel_max)).encode())
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def take_stratified(labels: Labels, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A mask over the labels, True for that fraction of each class, drawn at random.

    Of a class with two or more images at least one is taken and one is left.
    """
    taken = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = min(max(round(fraction * len(members)), 1), len(members) - 1)
        taken[members[:count]] = True
    return taken


def hold_out_test(x: Images, y: Labels, where: str) -> tuple[Images, Labels, Images, Labels]:
    """Training and test images out of data that has no test images of its own: a fifth of each class.

    The test images depend on the data alone, never on a search's seed, so that all searches are tested on the same.
    """
    rarest = int(np.bincount(y).min())
    if rarest < 3:
        raise ArrayError(
            f"{where}: a class has {rarest} image(s); at least 3 are needed for training, validation and test. "
            "Add images, or give x_test and y_test."
        )
    test = take_stratified(y, TEST_FRACTION, np.random.default_rng(TEST_SEED))
    return x[~test], y[~test], x[test], y[test]
