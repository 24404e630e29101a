"""Arrays as they come, checked and brought into the form of a DataSet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.training.datasets.dataset import DataSet, Images, Labels, hold_out_test
from search.training.datasets.errors import ArrayError

RAW_TYPES = "buif"  # NumPy's kinds: bool, unsigned, signed, float


@dataclass(frozen=True, eq=False)
class RawArrays:
    """Images and labels as a file or a package gives them; without test images both of the latter are None."""

    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any] | None = None
    y_test: NDArray[Any] | None = None


def dataset_of(name: str, raw: RawArrays, classes: Sequence[str] | None = None) -> DataSet:
    """The data set of these arrays. `classes` names the labels 0, 1, …; None: the labels name themselves.

    Raises:
        ArrayError: the arrays are no labelled images; says which array and what's valid.
    """
    x_train, y_raw = _images(raw.x_train, f"{name}: x_train"), _labels(raw.y_train, f"{name}: y_train")
    _require_same_length(x_train, y_raw, f"{name}: x_train and y_train")
    values = np.unique(y_raw) if classes is None else np.arange(len(classes))
    names = tuple(str(value) for value in (values if classes is None else classes))
    y_train = _positions(y_raw, values, f"{name}: y_train")
    _require_classes(y_train, names, name)
    pixel_max = float(np.abs(x_train).max()) if x_train.dtype.kind == "f" else float(x_train.max())
    _require(pixel_max > 0, f"{name}: all pixels of x_train are 0")
    if raw.x_test is None or raw.y_test is None:
        parts = hold_out_test(x_train, y_train, name)
    else:
        parts = (x_train, y_train, *_test_part(name, raw.x_test, raw.y_test, x_train, values))
    return DataSet(name, *parts, classes=names, pixel_max=pixel_max)


def _test_part(
    name: str, x: NDArray[Any], y: NDArray[Any], x_train: Images, values: NDArray[Any]
) -> tuple[Images, Labels]:
    x_test, y_raw = _images(x, f"{name}: x_test"), _labels(y, f"{name}: y_test")
    _require_same_length(x_test, y_raw, f"{name}: x_test and y_test")
    _require(
        x_test.shape[1:] == x_train.shape[1:],
        f"{name}: the images of x_test are {x_test.shape[1:]}, those of x_train {x_train.shape[1:]}; they must agree",
    )
    return x_test.astype(x_train.dtype, copy=False), _positions(y_raw, values, f"{name}: y_test")


def _images(array: NDArray[Any], where: str) -> Images:
    """uint8 or float32 images of shape (n, height, width, channels)."""
    _require(
        array.dtype.kind in RAW_TYPES,
        f"{where} holds {array.dtype}, not numbers; images are arrays of uint8 or float32",
    )
    _require(
        array.ndim in (3, 4),
        f"{where} has the shape {array.shape}; images are (n, height, width) or (n, height, width, channels)",
    )
    _require(array.size > 0, f"{where} is empty: its shape is {array.shape}")
    images = array[..., np.newaxis] if array.ndim == 3 else array
    _require(
        images.shape[-1] <= 4 or images.shape[1] > 4,
        f"{where} has the shape {array.shape}, which looks like channels first; "
        "put channels last with x.transpose(0, 2, 3, 1)",
    )
    return _numbers(images, where)


def _numbers(images: NDArray[Any], where: str) -> Images:
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind in "bui" and images.min() >= 0 and images.max() <= 255:
        return images.astype(np.uint8)
    with np.errstate(over="ignore"):
        numbers = images.astype(np.float32)
    finite = np.asarray(np.isfinite(numbers.reshape(len(numbers), -1)).all(axis=1))
    _require(
        bool(finite.all()),
        f"{where} has pixels that are NaN or infinite in {int((~finite).sum())} of {len(finite)} images, "
        f"first in image {int(np.argmin(finite))}; leave these images out or repair them",
    )
    return numbers


def _labels(array: NDArray[Any], where: str) -> NDArray[Any]:
    """Labels of shape (n,): integers or text."""
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    _require(
        flat.ndim == 1,
        f"{where} has the shape {array.shape}; labels are (n,), one a image"
        + ("; from one-hot labels make y.argmax(axis=1)" if array.ndim == 2 else ""),
    )
    if flat.dtype.kind == "f":
        _require(bool((flat == np.round(flat)).all()), f"{where} holds fractions or NaN; labels are integers or text")
        return flat.astype(np.int64)
    _require(flat.dtype.kind in "buiU", f"{where} holds {flat.dtype}; labels are integers or text")
    return flat


def _positions(labels: NDArray[Any], values: NDArray[Any], where: str) -> Labels:
    known = np.isin(labels, values)
    _require(
        bool(known.all()),
        f"{where} has the label {labels[np.argmin(known)]!s}, which isn't one of the {len(values)} training classes",
    )
    return np.searchsorted(values, labels).astype(np.int64)


def _require_same_length(x: Images, y: NDArray[Any], where: str) -> None:
    _require(len(x) == len(y), f"{where} don't match: {len(x)} images and {len(y)} labels")


def _require_classes(y_train: Labels, classes: Sequence[str], name: str) -> None:
    counts = np.bincount(y_train, minlength=len(classes))
    _require(
        len(counts) >= 2, f"{name}: all {len(y_train)} images are of one class, {classes[0]}; at least 2 are needed"
    )
    rarest = int(np.argmin(counts))
    _require(
        int(counts[rarest]) >= 2,
        f"{name}: class {classes[rarest]} has {counts[rarest]} training image(s); "
        "at least 2 are needed, one for training and one for validation",
    )


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ArrayError(message)
