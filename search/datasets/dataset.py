"""The data set: labeled images for training and for the final test, as one frozen record."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.datasets.errors import ArrayError
from search.datasets.inventory import NOTHING, Inventory

Images = NDArray[Any]
Labels = NDArray[np.int64]

TEST_FRACTION = 0.2
TEST_SEED = 0


@dataclass(frozen=True, eq=False)
class DataSet:
    """Labeled images.

    `x_train` and `x_test` are uint8 or float32 of shape (n, height, width, channels), `y_train` and `y_test` int64 of
    shape (n,) with the positions of the labels in `classes`. Divided by `pixel_max`, the pixels lie in [0, 1], or in
    [-1, 1] where the data has negative ones. The last `n_own_validation` images of training are those that came as
    validation images; without any, each search takes some of the training images for validation. `inventory` is what
    was found when it was read. `held_out` are the positions that the test images had among those for training,
    None where they came as test images, or where it isn't known.
    """

    name: str
    x_train: Images
    y_train: Labels
    x_test: Images
    y_test: Labels
    classes: tuple[str, ...]
    pixel_max: float
    n_own_validation: int = 0
    inventory: Inventory = NOTHING
    held_out: NDArray[np.int64] | None = None

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
        own = (self.n_own_validation,) if self.n_own_validation else ()
        digest = hashlib.sha256(repr((self.classes, self.pixel_max, *own)).encode())
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


def hold_out_test(y: Labels, where: str, least: int = 3) -> NDArray[np.bool_]:
    """Which images are for the test, of data that has no test images of its own: a fifth of each class.

    The test images depend on the data alone, never on a search's seed, so that all searches are tested on the same.
    Each class must have `least` images.
    """
    rarest = int(np.bincount(y).min())
    if rarest < least:
        raise ArrayError(
            f"{where}: a class has {rarest} image(s); at least {least} are needed for training, "
            f"{'validation ' if least > 2 else ''}and test. Add images, or give x_test and y_test."
        )
    return take_stratified(y, TEST_FRACTION, np.random.default_rng(TEST_SEED))
