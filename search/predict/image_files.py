"""The images that are asked about: files, and all images in folders, read as a data set's are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.datasets.errors import FolderError
from search.datasets.inventory import Named
from search.datasets.layout import Tree, read_tree
from search.datasets.pictures import Depth, Form, PictureHeader, read_header, read_picture, register_heic
from search.errors import UsageError

COLOR = "color, read as gray, as the model takes gray images"
AS_THEY_ARE = "float or 32-bit, whose largest possible pixel isn't known: taken as they are, on whatever scale"


@dataclass(frozen=True)
class ImageFile:
    """A file to read. Its header is known if it was found in a folder."""

    path: Path
    header: PictureHeader | None = None


@dataclass(frozen=True)
class ImageFiles:
    """The files to read, in order; and what of the folders was left out, with the reasons."""

    images: tuple[ImageFile, ...]
    left_out: tuple[Named, ...]


@dataclass(frozen=True, eq=False)
class ReadImage:
    """Pixels (height, width, channels), float32, on the scale of the model's data; and what was done to them."""

    pixels: NDArray[np.float32]
    treated: tuple[str, ...]


def find_images(named: Iterable[Path]) -> ImageFiles:
    """The files that are named, and the images anywhere under the folders that are.

    Raises:
        UsageError: one isn't there, or there is no image at all.
        FolderError: a folder can't be read.
    """
    register_heic()
    found, left_out = list[ImageFile](), list[Named]()
    for place in named:
        if place.is_dir():
            tree = read_tree(place)
            found.extend(_images_in(tree))
            left_out.extend(tree.left_out.named())
        elif place.exists():
            found.append(ImageFile(place))
        else:
            raise UsageError(f"there is no file or folder {place}")
    if not found:
        reasons = "; ".join(f"{one.count} x {one.what}" for one in left_out)
        raise UsageError(f"no images are there{f' ({reasons})' if reasons else ''}")
    return ImageFiles(tuple({image.path: image for image in found}.values()), tuple(left_out))


def _images_in(tree: Tree) -> Iterator[ImageFile]:
    """The images of a folder; its other files are left out, and counted in the tree."""
    for path in tree.under(tree.folder):
        try:
            header = read_header(path)
        except FolderError:
            yield ImageFile(path)  # it has the name of an image: why it can't be read is said with the predictions
            continue
        if isinstance(header, str):
            tree.left_out.add(header, tree.name_of(path))
        else:
            yield ImageFile(path, header)


def read_image(
    image: ImageFile, form: Form, largest: float, depth: Depth | None = None, *, signed: bool = False
) -> ReadImage:
    """One image in the model's form, its pixels from 0 to `largest`; those of the model's `depth` as they are, which
    are also below 0 if `signed`.

    Raises:
        FolderError: it is none, can't be read, or can't be brought to the model's scale.
    """
    header = image.header or read_header(image.path)
    if isinstance(header, str):
        raise FolderError(f"{image.path}: {header}")
    if signed and header.depth != depth:
        raise FolderError(
            f"The image {image.path} is {header.depth}, and the model was trained on {depth} images with pixels below "
            "0: save it as those are."
        )
    picture = read_picture(image.path, header, form)
    in_color = [] if header.gray or form.channels == 3 else [COLOR]
    of_no_scale = [AS_THEY_ARE] if header.top is None and header.depth != depth else []
    treated = (*picture.treated, *in_color, *of_no_scale)
    pixels = picture.pixels.astype(np.float32) if header.depth == depth else on_scale(picture.pixels, header, largest)
    return ReadImage(pixels, treated)


def on_scale(pixels: NDArray[Any], header: PictureHeader, largest: float) -> NDArray[np.float32]:
    """The pixels, of which `header.top` is the largest possible value, from 0 to `largest`; those without one as they
    are.
    """
    plain = pixels.astype(np.float32)
    return plain if header.top in (None, largest) else plain * np.float32(largest / header.top)
