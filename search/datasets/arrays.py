"""Arrays as they come, checked and brought into the form of a DataSet."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.datasets.array_names import CHANNELS_LAST
from search.datasets.dataset import DataSet, Images, Labels, hold_out_test
from search.datasets.errors import require
from search.datasets.inventory import Inventory, Named, Part, part_of_arrays
from search.datasets.labels import HOW_ALIKE, checked_labels, classes_alike, positions, require_classes
from search.datasets.scales import (
    Scale,
    as_bytes_or_floats,
    far_apart,
    in_one_type,
    require_no_outliers,
    require_one_scale,
    scale_of,
)

RAW_TYPES = "buif"  # NumPy's kinds: bool, unsigned, signed, float
MOST_CHANNELS = 4


@dataclass(frozen=True, eq=False)
class RawArrays:
    """Images and labels as a file or a package gives them; without test or validation images both of these are None.

    `channels_last` says that someone has said so, so that it needn't be looked at. `one_scale` says the same of the
    parts' pixels. `names` are those that arrays have in a file, where they are others.
    """

    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any] | None = None
    y_test: NDArray[Any] | None = None
    x_val: NDArray[Any] | None = None
    y_val: NDArray[Any] | None = None
    channels_last: bool = False
    one_scale: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class RawPart:
    """The images and labels of a part, and how messages call it: x_train, training."""

    name: str
    role: str
    x: NDArray[Any]
    y: NDArray[Any]


@dataclass(frozen=True, eq=False)
class CheckedPart:
    """The same with images (n, height, width, channels), uint8 or float32, and labels (n,), integers or text."""

    raw: RawPart
    x: Images
    y: NDArray[Any]
    scale: Scale


def dataset_of(name: str, raw: RawArrays, classes: Sequence[str] | None = None) -> DataSet:
    """The data set of these arrays. `classes` names the labels 0, 1, …; None: the labels name themselves.

    Raises:
        ArrayError: the arrays are no labeled images; says which array and what's valid.
    """
    parts = [_checked(part, name, channels_last=raw.channels_last) for part in _parts(raw)]
    remarks = _compared(parts, one_scale=raw.one_scale)
    y_raw = parts[0].y
    values = np.unique(y_raw) if classes is None else np.arange(len(classes))
    names = tuple(str(value) for value in (values if classes is None else classes))
    labels = [positions(part.y, values, f"{name}: y_{part.raw.name}") for part in parts]
    require_classes(labels[0], names, name, _uses({part.raw.name for part in parts}))
    images = in_one_type([part.x for part in parts])
    largest = np.abs(images[0]).max() if images[0].dtype.kind == "f" else images[0].max()
    given = {part.raw.name: pair for part, pair in zip(parts, zip(images, labels, strict=True), strict=True)}
    dataset = _assembled(name, given, names, float(largest))
    found = [_found(part, part_labels, len(names)) for part, part_labels in zip(parts, labels, strict=True)]
    return replace(
        dataset,
        inventory=Inventory(tuple(found), _scaling(dataset.pixel_max), treated=(*remarks, *_alike(names, labels))),
    )


def _uses(parts: Set[str]) -> tuple[str, ...]:
    """What each class needs an image for, in the words of messages: what isn't given is taken from training."""
    others = {"val": "validation", "test": "the test"}
    return ("training", *(use for part, use in others.items() if part not in parts))


def _alike(classes: Sequence[str], labels: Sequence[Labels]) -> Iterator[Named]:
    counts = sum((np.bincount(part, minlength=len(classes)) for part in labels), np.zeros(len(classes), int))
    by_name = dict(zip(classes, counts.tolist(), strict=True))
    for group in classes_alike(classes):
        told = f"of several classes whose names differ in {HOW_ALIKE}: {', '.join(map(repr, group))}"
        yield Named(told, sum(by_name[name] for name in group))


def _parts(raw: RawArrays) -> list[RawPart]:
    parts = [RawPart("train", "training", raw.x_train, raw.y_train)]
    if raw.x_val is not None and raw.y_val is not None:
        parts.append(RawPart("val", "validation", raw.x_val, raw.y_val))
    if raw.x_test is not None and raw.y_test is not None:
        parts.append(RawPart("test", "test", raw.x_test, raw.y_test))
    return parts


def _checked(part: RawPart, name: str, *, channels_last: bool) -> CheckedPart:
    where = f"{name}: x_{part.name}"
    numbers = _with_channels(part.x, where, channels_last=channels_last)
    x, y = as_bytes_or_floats(numbers, where), checked_labels(part.y, f"{name}: y_{part.name}")
    require(len(x) == len(y), f"{where} and y_{part.name} don't match: {len(x)} images and {len(y)} labels")
    scale = scale_of(part.x, where)
    require(scale.reach > 0, f"{name}: all pixels of x_{part.name} are 0")
    if x.dtype.kind == "f":
        require(
            bool(x.any()),
            f"{where} has no pixel beyond {scale.reach:g}, which is 0 in 32-bit floats: multiply all parts by a number",
        )
        require_no_outliers(x, where)
    return CheckedPart(part, x, y, scale)


def _compared(parts: Sequence[CheckedPart], *, one_scale: bool) -> tuple[Named, ...]:
    """Raises ArrayError if a part doesn't go with the training images; returns what should be known of them."""
    training, remarks = parts[0], list[Named]()
    for part in parts[1:]:
        require(
            part.x.shape[1:] == training.x.shape[1:],
            f"{part.scale.where}: its images are {part.x.shape[1:]}, those of x_train {training.x.shape[1:]}; "
            "they must agree",
        )
        if not one_scale:
            require_one_scale(training.scale, part.scale)
            if far_apart(training.scale, part.scale):
                told = f"pixels of x_{part.raw.name} end at {part.scale.highest:g}, of x_train at "
                told += f"{training.scale.highest:g}: taken as one scale, as both are {part.scale.dtype}"
                remarks.append(Named(told, len(part.x)))
    return tuple(remarks)


def _assembled(
    name: str, given: dict[str, tuple[Images, Labels]], classes: tuple[str, ...], pixel_max: float
) -> DataSet:
    """The data set of checked arrays by their parts. Validation images of the user's follow those for training."""
    x, y = given["train"]
    own, held_out = given.get("val"), None
    if "test" in given:
        x_test, y_test = given["test"]
    else:
        test = hold_out_test(y, name, least=3 if own is None else 2)
        x, y, x_test, y_test, held_out = x[~test], y[~test], x[test], y[test], np.flatnonzero(test)
    if own is not None:
        x, y = np.concatenate([x, own[0]]), np.concatenate([y, own[1]])
    n_own = 0 if own is None else len(own[1])
    return DataSet(name, x, y, x_test, y_test, classes, pixel_max, n_own, held_out=held_out)


def _found(part: CheckedPart, labels: Labels, n_classes: int) -> Part:
    return part_of_arrays(part.raw.role, f"x_{part.raw.name}", part.raw.x, np.bincount(labels, minlength=n_classes))


def _scaling(pixel_max: float) -> str:
    return f"divided by {pixel_max:g}, the largest of the training images"


def _with_channels(array: NDArray[Any], where: str, *, channels_last: bool) -> NDArray[Any]:
    """Numbers of shape (n, height, width, channels)."""
    require(
        array.dtype.kind in RAW_TYPES,
        f"{where} holds {array.dtype}, not numbers; images are arrays of uint8 or float32",
    )
    require(
        array.ndim in (3, 4),
        f"{where} has the shape {array.shape}; images are (n, height, width) or (n, height, width, channels)",
    )
    require(array.size > 0, f"{where} is empty: its shape is {array.shape}")
    images = array[..., np.newaxis] if array.ndim == 3 else array
    require(
        channels_last or not _looks_like_channels_first(images.shape),
        f"{where} has the shape {array.shape}, which looks like channels first; put channels last with "
        f"x.transpose(0, 2, 3, 1), or, if they are, say so: np.savez(…, data_format={CHANNELS_LAST!r})",
    )
    return images


def _looks_like_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the second axis could be channels and the last couldn't, or what follows it is as a square image is.
    Square images with many channels are neither.
    """
    _, height, width, channels = shape
    return (height <= MOST_CHANNELS < channels and height != width) or height < width == channels > MOST_CHANNELS
