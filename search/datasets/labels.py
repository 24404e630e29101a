"""Labels as they come, checked and turned into positions of classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.datasets.dataset import Labels
from search.datasets.errors import ArrayError, require

LARGEST_LABEL = 2**53  # up to there floats hold every whole number


def checked_labels(array: NDArray[Any], where: str) -> NDArray[Any]:
    """Labels of shape (n,): integers, or text, which may come as UTF-8 bytes."""
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    require(
        flat.ndim == 1,
        f"{where} has the shape {array.shape}; labels are (n,), one per image"
        + ("; from one-hot labels make y.argmax(axis=1)" if array.ndim == 2 else ""),
    )
    match flat.dtype.kind:
        case "f":
            return _whole_numbers(flat, where)
        case "S":
            return _decoded(flat, where)
        case kind:
            require(kind in "buiU", f"{where} holds {flat.dtype}; labels are integers or text")
            return flat


def _whole_numbers(flat: NDArray[Any], where: str) -> NDArray[np.int64]:
    fits = np.isfinite(flat) & (np.abs(flat) <= LARGEST_LABEL)
    whole = fits & (np.where(fits, flat, 0) == np.round(np.where(fits, flat, 0)))
    require(
        bool(whole.all()),
        f"{where} holds fractions, NaN, infinite or huge numbers in {int((~whole).sum())} of {len(flat)} labels"
        + (f", first {flat[np.argmin(whole)]} for image {np.argmin(whole)}" if len(flat) else "")
        + "; labels are integers or text",
    )
    return flat.astype(np.int64)


def _decoded(flat: NDArray[Any], where: str) -> NDArray[Any]:
    try:
        return np.char.decode(flat, "utf-8")
    except UnicodeDecodeError as error:
        raise ArrayError(
            f"{where} holds bytes that aren't UTF-8 ({error}); decode them, and save labels as text"
        ) from error


def positions(labels: NDArray[Any], values: NDArray[Any], where: str) -> Labels:
    """The position of each label among the sorted values of the classes."""
    require(
        (labels.dtype.kind == "U") == (values.dtype.kind == "U"),
        f"{where} holds {labels.dtype} and y_train {values.dtype}: give text in both, or numbers in both",
    )
    known = np.isin(labels, values)
    require(
        bool(known.all()),
        f"{where} has the label {labels[np.argmin(known)] if len(labels) else None!s}, which isn't one of the "
        f"{len(values)} training classes",
    )
    return np.searchsorted(values, labels).astype(np.int64)


def require_classes(y_train: Labels, classes: Sequence[str], name: str, least: int) -> None:
    """Raises ArrayError unless there are two classes, with `least` training images each."""
    counts = np.bincount(y_train, minlength=len(classes))
    require(
        len(counts) >= 2, f"{name}: all {len(y_train)} images are of one class, {classes[0]}; at least 2 are needed"
    )
    rarest = int(np.argmin(counts))
    require(
        int(counts[rarest]) >= least,
        f"{name}: class {classes[rarest]} has {counts[rarest]} training image(s); at least {least} "
        + ("are needed, one for training and one for validation" if least > 1 else "is needed"),
    )
