"""The roles of a file's arrays by their names: images or labels, for training, validation or test."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from search.datasets.errors import ArrayError
from search.datasets.part_names import role_of

AXES = MappingProxyType(
    {"x": "x", "image": "x", "images": "x", "y": "y", "label": "y", "labels": "y", "target": "y", "targets": "y"}
)
SHORT = MappingProxyType({"training": "train", "validation": "val", "test": "test"})
FORMAT = "data_format"
CHANNELS_FIRST, CHANNELS_LAST = "channels_first", "channels_last"


def known_names(found: Iterable[str], where: str) -> Mapping[str, str]:
    """The arrays that are known, by what they are (x_train, y_val, …), with the names that they have.

    Raises:
        ArrayError: two have the same meaning.
    """
    known: dict[str, str] = {}
    for name in found:
        meaning = _meaning(name)
        if meaning is None:
            continue
        if meaning in known:
            raise ArrayError(
                f"{where} has both {known[meaning]} and {name}, which mean the same: leave one of them out"
            )
        known[meaning] = name
    return known


def require_pairs(known: Mapping[str, str], found: Sequence[str], where: str) -> None:
    """Raises ArrayError unless training has images and labels, and each other part both or neither."""
    missing = [name for name in ("x_train", "y_train") if name not in known]
    if missing:
        raise ArrayError(
            f"{where} lacks {' and '.join(missing)}; it has {', '.join(found) or 'nothing'}. "
            "Needed: x_train, y_train; x_val and y_val, x_test and y_test may be added."
        )
    for part in ("val", "test"):
        if (f"x_{part}" in known) != (f"y_{part}" in known):
            raise ArrayError(f"{where} has only one of x_{part} and y_{part}; give both or neither")


def _meaning(name: str) -> str | None:
    """x_train for X_Train, train_images, x-training, …; None for a name that says nothing of the kind."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    for axis, part in ((words[:1], words[1:]), (words[-1:], words[:-1])):
        role = role_of("".join(part))
        if axis and axis[0] in AXES and role is not None:
            return f"{AXES[axis[0]]}_{SHORT[role]}"
    return None
