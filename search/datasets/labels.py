"""Labels as they come, checked and turned into positions of classes."""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.console.outside_text import is_one_line
from search.datasets.dataset import Labels
from search.datasets.errors import ArrayError, require

HOW_ALIKE = "case, spaces or Unicode form alone"
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
            return _of_one_line(_decoded(flat, where), where)
        case "U":
            return _of_one_line(flat, where)
        case kind:
            require(kind in "bui", f"{where} holds {flat.dtype}; labels are integers or text")
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


def _of_one_line(flat: NDArray[Any], where: str) -> NDArray[Any]:
    """The text; raises ArrayError if some can't be the name of a class, such as lines of a file with their ends."""
    values, first = np.unique(flat, return_index=True)
    for value, number in zip(values.tolist(), first.tolist(), strict=True):
        require(
            is_one_line(value),
            f"{where} has the label {value!a}, first for image {number}: labels are text of one line, without control "
            "characters, and not empty. np.char.strip takes line ends away; leave out images that have no label",
        )
    return flat


def positions(labels: NDArray[Any], values: NDArray[Any], where: str) -> Labels:
    """The position of each label among the sorted values of the classes."""
    require(
        (labels.dtype.kind == "U") == (values.dtype.kind == "U"),
        f"{where} holds {labels.dtype} and y_train {values.dtype}: give text in both, or numbers in both",
    )
    known = np.isin(labels, values)
    if not known.all():
        first = str(labels[np.argmin(known)])
        raise ArrayError(
            f"{where} has the label {first}, which isn't one of the {len(values)} training classes"
            + "".join(f": {other!r} is, and differs from {first!r} in {HOW_ALIKE}" for other in alike(first, values))
        )
    return np.searchsorted(values, labels).astype(np.int64)


def alike(name: str, others: Iterable[Any]) -> list[str]:
    """Those of the others that a reader would take for the name."""
    return [str(other) for other in others if _folded(str(other)) == _folded(name) and str(other) != name]


def classes_alike(classes: Sequence[str]) -> list[tuple[str, ...]]:
    """Groups of classes whose names a reader would take for one."""
    groups: dict[str, list[str]] = {}
    for name in classes:
        groups.setdefault(_folded(name), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def require_classes(y_train: Labels, classes: Sequence[str], name: str, uses: Sequence[str]) -> None:
    """Raises ArrayError unless there are two classes, with a training image each for each of the uses."""
    counts = np.bincount(y_train, minlength=len(classes))
    require(
        len(counts) >= 2, f"{name}: all {len(y_train)} images are of one class, {classes[0]}; at least 2 are needed"
    )
    rarest, least = int(np.argmin(counts)), len(uses)
    too_few = int((counts < least).sum())
    require(
        not too_few,
        f"{name}: class {classes[rarest]} has {counts[rarest]} training image(s)"
        + (f", and {too_few - 1} more of the {len(classes)} classes have fewer than {least}" if too_few > 1 else "")
        + f"; at least {least} {'is' if least == 1 else 'are'} needed, one for {' and one for '.join(uses)}",
    )
