"""Checks of scales: pixels of a part must differ after scaling, and those of several parts be comparable."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.datasets.errors import require

INTEGERS = "bui"  # NumPy's kinds: bool, unsigned, signed
FAR_APART = 8.0  # parts of one scale may differ in their largest pixel, but hardly by that factor
FEW, FAR_APART_IF_FEW = 10, 200.0  # unless one has so few images that all of them may be dark
OUTLYING = 1000.0  # others than the outliers would all be below a thousandth
RARE = 0.01
SLIGHTLY = 0.01  # of the largest pixel: resizing overshoots 0 by so much


@dataclass(frozen=True)
class Scale:
    """The type of a part's pixels as they were given, their range, and how many images it has."""

    where: str
    dtype: np.dtype[Any]
    lowest: float
    highest: float
    count: int

    @property
    def reach(self) -> float:
        """The largest distance from 0."""
        return max(abs(self.lowest), abs(self.highest))

    @property
    def signed(self) -> bool:
        """Whether it has negative pixels, other than what resizing leaves."""
        return self.lowest < -SLIGHTLY * self.reach

    def __str__(self) -> str:
        return f"{self.where} has {self.dtype} from {self.lowest:g} to {self.highest:g}"


def scale_of(raw: NDArray[Any], where: str) -> Scale:
    """The scale of an array of finite numbers."""
    return Scale(where, raw.dtype, float(raw.min()), float(raw.max()), len(raw))


def require_one_scale(training: Scale, other: Scale) -> None:
    """Raises ArrayError if a part's pixels mean something else than those of training.

    Integers of one type are taken as one scale: dark images are no other scale.
    """
    require(other.reach > 0, f"all pixels of {other.where} are 0")
    if training.dtype == other.dtype and training.dtype.kind in INTEGERS:
        return
    require(
        not far_apart(training, other) and training.signed == other.signed,
        f"the parts have different scales: {training}, {other}. Nothing is cast, as that would lose values: bring "
        "both to the same scale and type, such as uint8 from 0 to 255, before saving them",
    )


def far_apart(training: Scale, other: Scale) -> bool:
    """Whether a part's largest pixel is much larger or smaller than that of training."""
    most = FAR_APART if min(training.count, other.count) >= FEW else FAR_APART_IF_FEW
    return max(training.reach, other.reach) > most * min(training.reach, other.reach)


def require_no_outliers(images: NDArray[np.float32], where: str) -> None:
    """Raises ArrayError if so few pixels are so large that, scaled by the largest, all others would be next to 0."""
    sizes = np.abs(images)
    top = float(sizes.max())
    large = sizes > top / OUTLYING
    many, seen = int(np.count_nonzero(large)), int(np.count_nonzero(sizes))
    first = int(np.argmax(sizes)) // max(1, sizes[0].size)
    require(
        many >= RARE * seen,
        f"{where}: its largest pixel is {top:g} (image {first}), and only {many} of {seen} pixels that aren't 0 are "
        f"larger than a thousandth of that: scaled by it, all others would be next to 0. Repair or clip the {many}, "
        "or save logarithms",
    )


def as_bytes_or_floats(images: NDArray[Any], where: str) -> NDArray[Any]:
    """uint8 where the numbers are of an integer type and from 0 to 255, else float32.

    Raises:
        ArrayError: some are NaN, or infinite in float32; says in how many images.
    """
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind in INTEGERS and images.min() >= 0 and images.max() <= 255:
        return images.astype(np.uint8)
    with np.errstate(over="ignore"):
        numbers = images.astype(np.float32)
    finite = np.asarray(np.isfinite(numbers.reshape(len(numbers), -1)).all(axis=1))
    require(
        bool(finite.all()),
        f"{where} has pixels that are NaN or infinite in {int((~finite).sum())} of {len(finite)} images, "
        f"first in image {int(np.argmin(finite))}; leave these images out or repair them",
    )
    return numbers


def in_one_type(arrays: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """The arrays in a type that loses nothing of any: bytes if training is bytes and all hold such, else floats."""
    if arrays[0].dtype == np.uint8 and all(map(_are_bytes, arrays)):
        return [array.astype(np.uint8, copy=False) for array in arrays]
    return [array.astype(np.float32, copy=False) for array in arrays]


def _are_bytes(array: NDArray[Any]) -> bool:
    if array.dtype == np.uint8:
        return True
    return bool(array.min() >= 0 and array.max() <= 255 and (array == np.round(array)).all())
