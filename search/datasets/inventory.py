"""The inventory: what reading a data set found, what was done to it, and what was left out, as one record."""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from search.console.outside_text import shown

EXAMPLES = 3

Size = tuple[int, int]


class Sizes(msgspec.Struct, frozen=True):
    """How large the images of a part were when they were read, each (height, width) in pixels and by side: the height
    of `smallest` may be another image's than its width.
    """

    smallest: Size
    median: Size
    largest: Size


class PixelRange(msgspec.Struct, frozen=True):
    """Images whose pixels have one type, and the lowest and the highest value that they had before any scaling."""

    type: str
    count: int
    lowest: float
    highest: float


class Part(msgspec.Struct, frozen=True):
    """Images that belong together where they came from. `name` is training, validation or test, `source` the arrays or
    the folder. `counts` are images by class, in the order of the data set's classes; `kinds` are images by what they
    hold, such as RGB or CMYK.
    """

    name: str
    source: str
    counts: tuple[int, ...]
    sizes: Sizes
    kinds: dict[str, int]
    pixels: tuple[PixelRange, ...]

    @property
    def total(self) -> int:
        """How many images it has."""
        return sum(self.counts)


class Named(msgspec.Struct, frozen=True):
    """Something that holds for `count` files, of which some are named."""

    what: str
    count: int
    examples: tuple[str, ...] = ()


class Inventory(msgspec.Struct, frozen=True):
    """The findings from reading a data set.

    `files` is how many files there are in a folder: its images and `left_out` add up to it; None where there is one
    file. `treated` is what was done to images that couldn't be taken as they are; `scaling` says in words what pixels
    are divided by.
    """

    parts: tuple[Part, ...]
    scaling: str
    files: int | None = None
    treated: tuple[Named, ...] = ()
    left_out: tuple[Named, ...] = ()

    @property
    def images(self) -> int:
        """How many images are used."""
        return sum(part.total for part in self.parts)


NOTHING = Inventory((), "")


class Tally:
    """Counts what holds for files, and keeps the first names of each."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, what: str, name: str) -> None:
        """Notes that it holds for the file of that name."""
        self._names.setdefault(shown(what), []).append(shown(name).replace("\n", "\\n"))

    @property
    def total(self) -> int:
        """How often something was noted."""
        return sum(map(len, self._names.values()))

    def named(self) -> tuple[Named, ...]:
        """The notes, the most frequent first."""
        ordered = sorted(self._names.items(), key=lambda item: (-len(item[1]), item[0]))
        return tuple(Named(what, len(names), tuple(names[:EXAMPLES])) for what, names in ordered)


def sizes_of(sizes: Sequence[Size]) -> Sizes:
    """The smallest, median and largest height and width."""
    table = np.array(sizes)
    return Sizes(*(_pair(statistic(table, axis=0)) for statistic in (np.min, np.median, np.max)))


def part_of_arrays(name: str, source: str, raw: NDArray[np.generic], counts: Iterable[int]) -> Part:
    """The part that is an array (n, height, width) or (n, height, width, channels), as it was given."""
    size = (int(raw.shape[1]), int(raw.shape[2]))
    pixels = PixelRange(str(raw.dtype), len(raw), float(raw.min()), float(raw.max()))
    channels = int(raw.shape[3]) if raw.ndim == 4 else 1
    kinds = {f"{channels} channel{'' if channels == 1 else 's'}": len(raw)}
    return Part(name, source, tuple(map(int, counts)), Sizes(size, size, size), kinds, (pixels,))


def _pair(values: NDArray[np.generic]) -> Size:
    height, width = values.tolist()
    return int(height), int(width)
