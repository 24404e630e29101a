"""How images of files are brought to one size."""

from typing import Literal

import msgspec

Resize = Literal["crop", "pad", "stretch"]
ImageSize = tuple[int, int]


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
