"""Images of several depths on one scale: bytes, 16 bits, and numbers of any size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.datasets.inventory import Inventory
from search.datasets.pictures import Depth, PictureHeader

Ranges = Mapping[str, tuple[float, float]]

TYPES: Mapping[Depth, type[Any]] = MappingProxyType(
    {"8-bit": np.uint8, "16-bit": np.uint16, "32-bit": np.int32, "float": np.float32}
)


@dataclass(frozen=True, eq=False)
class OneScale:
    """Arrays whose pixels mean the same, and in words what those of each depth were divided by; None: by nothing."""

    arrays: Sequence[NDArray[Any]]
    scaling: str | None


def depth_of_all(inventory: Inventory) -> Depth | None:
    """The depth of image files that all have the same, whose pixels are then used as they are; None for other data."""
    found = {pixels.type for part in inventory.parts for pixels in part.pixels}
    return next((depth for depth in TYPES if found == {depth}), None)


def common_type(depths: set[Depth]) -> np.dtype[Any]:
    """The type of array for images of these depths, before they are on one scale."""
    return np.dtype(TYPES[next(iter(depths))] if len(depths) == 1 else np.float32)


def on_one_scale(
    parts: Sequence[tuple[NDArray[Any], NDArray[Any], Ranges]], headers: Sequence[PictureHeader]
) -> OneScale:
    """Images of one depth as they are. Of several, each is divided by the largest value that it can have, or, where
    there is no sensible one, by the largest that any image of its depth has.

    A part is its images, the depth of each of them, and the range of each depth. They are changed in place.
    """
    depths = list(dict.fromkeys(header.depth for header in headers))
    if len(depths) == 1:
        return OneScale([x for x, _, _ in parts], None)
    ranges = [found for _, _, found in parts]
    divisors = {depth: divisor_of(depth, headers, ranges) or 1.0 for depth in depths}
    for x, each, _ in parts:
        for depth, divisor in divisors.items():
            x[each == depth] /= np.float32(divisor)
    return OneScale(
        [x for x, _, _ in parts],
        "divided by " + ", ".join(f"{divisor:g} ({depth})" for depth, divisor in divisors.items()),
    )


def divisor_of(depth: Depth, headers: Sequence[PictureHeader], ranges: Sequence[Ranges]) -> float | None:
    """The divisor of images of a depth; None if that takes ranges, and none are given."""
    tops = [header.top for header in headers if header.depth == depth]
    known = [top for top in tops if top is not None]
    if len(known) == len(tops):
        return max(known)
    if not ranges:
        return None
    reach = max(max(map(abs, found[depth])) for found in ranges if depth in found)
    return max(reach, 1.0)
