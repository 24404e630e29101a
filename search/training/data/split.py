"""The split: which training images are for validation, and how many are used at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.datasets.dataset import DataSet, Images, Labels, take_stratified
from search.datasets.errors import DataError

Positions = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Images for training, validation and test, and their labels.

    Images are as the data set has them, uint8 or float32 (n, height, width, channels); `scaled` makes the model's
    input of them. `train` and `val` are the positions in `x` of the images for training and for validation, so that
    nothing of a data set that processes share is copied. Labels are int64 (n,), in the order of the positions.
    """

    x: Images
    train: Positions
    val: Positions
    y_train: Labels
    y_val: Labels
    x_test: Images
    y_test: Labels
    classes: tuple[str, ...]
    pixel_max: float

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        height, width, channels = self.x.shape[1:]
        return height, width, channels

    @property
    def n_train(self) -> int:
        """How many images are for training."""
        return len(self.train)

    @property
    def n_val(self) -> int:
        """How many images are for validation."""
        return len(self.val)

    @property
    def x_train(self) -> Images:
        """A copy of the images for training."""
        return self.x[self.train]

    @property
    def x_val(self) -> Images:
        """A copy of the images for validation."""
        return self.x[self.val]

    @property
    def class_counts(self) -> dict[str, tuple[int, ...]]:
        """How many images of each class are for training, validation and test, in the order of `classes`."""
        labels = {"training": self.y_train, "validation": self.y_val, "test": self.y_test}
        return {part: tuple(np.bincount(y, minlength=len(self.classes)).tolist()) for part, y in labels.items()}

    def steps_per_epoch(self, batch_size: int) -> int:
        """The batches of one epoch, a last partial one included."""
        return -(-self.n_train // batch_size)

    def scaled(self, images: Images) -> NDArray[np.float32]:
        """The pixels as the model wants them: float32, divided by `pixel_max`."""
        scaled: NDArray[np.float32] = images.astype(np.float32) / np.float32(self.pixel_max)
        return scaled


@dataclass(frozen=True)
class Fold:
    """Which of how many folds is for validation, counted from 0."""

    number: int
    of: int


def split(
    dataset: DataSet,
    fraction: float,
    seed: int,
    limit_train: int | None = None,
    *,
    fold: Fold | None = None,
    rest: bool = False,
) -> Split:
    """Takes that fraction of each class of the training images for validation; the test images stay as they are.
    Where the data set came with validation images, those are the validation images, and the fraction doesn't matter.

    With `limit_train`, only that many of the training images are used, validation included unless it came with the
    data set, in the classes' proportions. The seed decides which; the same seed gives the same images. With a `fold`,
    the validation images are those of one of several folds, which have the classes in their proportions, and every
    image once; the fraction doesn't matter then. With `rest`, the training images that aren't used are the test images.

    Raises:
        DataError: fraction or limit are out of range, a class has fewer images than there are folds, the data set came
            with validation images and is to be folded, or there is no rest; says what's valid.
    """
    if not 0 < fraction < 1:
        raise DataError(f"The validation fraction lies between 0 and 1, not at {fraction}.")
    used = _limited(dataset, np.random.default_rng([seed, 0]), limit_train)
    x, y = (dataset.x_train, dataset.y_train) if used is None else (dataset.x_train[used], dataset.y_train[used])
    drawing = np.random.default_rng([seed, 1])
    if fold is None:
        chosen = _for_validation(y, dataset.n_own_validation, fraction, drawing)
    else:
        _require_foldable(y, dataset, fold.of)
        chosen = _in_folds(y, fold.of, drawing) == fold.number
    x_test, y_test = _rest(dataset, used) if rest else (dataset.x_test, dataset.y_test)
    return Split(
        x,
        np.flatnonzero(~chosen),
        np.flatnonzero(chosen),
        y[~chosen],
        y[chosen],
        x_test,
        y_test,
        classes=dataset.classes,
        pixel_max=dataset.pixel_max,
    )


def _limited(dataset: DataSet, rng: np.random.Generator, limit: int | None) -> Positions | None:
    """The positions of the training images that are used, in their order: exactly `limit` and the validation images
    that came with them; None for all.
    """
    total, least = len(dataset.y_train) - dataset.n_own_validation, 2 * len(dataset.classes)
    if limit is None or limit >= total:
        return None
    if limit < least:
        raise DataError(f"limit_train must be {least} or more, two images of each class, not {limit}.")
    shuffled = rng.permutation(total)
    used = np.sort(shuffled[_round_robin(dataset.y_train[shuffled])[:limit]])
    return np.concatenate([used, np.arange(total, len(dataset.y_train))])


def _rest(dataset: DataSet, used: Positions | None) -> tuple[Images, Labels]:
    """The training images that aren't used, and their labels."""
    if used is None:
        raise DataError(
            f"All {len(dataset.y_train)} training images are used, so that no rest is left to score models on: give a "
            "smaller --limit-train."
        )
    left = np.setdiff1d(np.arange(len(dataset.y_train)), used)
    return dataset.x_train[left], dataset.y_train[left]


def _require_foldable(y: Labels, dataset: DataSet, folds: int) -> None:
    if n_own := dataset.n_own_validation:
        raise DataError(f"The data has {n_own} validation images of its own, and folds would validate on others.")
    counts = np.bincount(y, minlength=len(dataset.classes))
    rarest = int(np.argmin(counts))
    if counts[rarest] < folds:
        raise DataError(
            f"Class {dataset.classes[rarest]} has {counts[rarest]} training image(s), fewer than the {folds} folds: "
            "use fewer folds, or add images of it."
        )


def _in_folds(y: Labels, folds: int, rng: np.random.Generator) -> Positions:
    """The fold of each image, counted from 0: those of a class in turn, from another fold on for each class."""
    numbers = np.empty(len(y), np.int64)
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        numbers[members] = (np.arange(len(members)) + label) % folds
    return numbers


def _for_validation(y: Labels, n_own: int, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which images are for validation: the last `n_own`, or, without any, that fraction of each class."""
    if n_own:
        return np.arange(len(y)) >= len(y) - n_own
    return take_stratified(y, fraction, rng)


def _round_robin(labels: Labels) -> NDArray[np.int64]:
    """Positions ordered so that any first part holds the classes in their proportions, and two of each early on."""
    rank = np.empty(len(labels), np.float64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        share = (np.arange(len(members)) + 0.5) / len(members)
        rank[members] = np.where(np.arange(len(members)) < 2, -1.0, share)
    return np.argsort(rank, kind="stable")
