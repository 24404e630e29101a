"""How images of files are brought to one size, and how a size is written."""

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

Resize = Literal["crop", "pad", "stretch"]
ImageSize = tuple[int, int]

LARGEST_SIDE = 4096
SIDE = r"0*[1-9]\d{0,3}"
SIZE = re.compile(rf"({SIDE})(?:\s*x\s*({SIDE}))?", re.ASCII | re.IGNORECASE)


class Resizing(msgspec.Struct, frozen=True):
    """The size of images, (height, width) in pixels, and how files of another size or aspect are brought to it.

    `size` None is the median of the files, with no side above 224. `crop` scales an image until it fills the size, and
    cuts what is beyond, the same at both ends; `pad` scales it until it fits, and leaves black around it; `stretch`
    scales height and width by themselves.
    """

    size: ImageSize | None = None
    resize: Resize = "stretch"

    def __repr__(self) -> str:
        """As messages show it: 96x128, crop."""
        size = "the images' own size" if self.size is None else f"{self.size[0]}x{self.size[1]}"
        return f"{size}, {self.resize}"


AS_FOUND = Resizing()


def parse_size(text: str) -> ImageSize | None:
    """(height, width) of 96, for 96x96, or 96x128; None for any other text, and for sides above `LARGEST_SIDE`."""
    found = SIZE.fullmatch(text.strip())
    if found is None:
        return None
    size = int(found[1]), int(found[2] or found[1])
    return size if max(size) <= LARGEST_SIDE else None


def written_size(size: ImageSize) -> str:
    """The text that `parse_size` reads: 96 for squares, else 96x128."""
    height, width = size
    return str(height) if height == width else f"{height}x{width}"


def in_order(sizes: Iterable[ImageSize]) -> tuple[ImageSize, ...]:
    """Sizes from the fewest pixels to the most."""
    return tuple(sorted(sizes, key=lambda size: (size[0] * size[1], size)))


def in_size(shape: tuple[int, int, int], size: ImageSize | None) -> tuple[int, int, int]:
    """(height, width, channels) of images of that shape that are brought to a size; None leaves them as they are."""
    return shape if size is None else (*size, shape[2])
