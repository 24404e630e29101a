"""A folder of images, one sub-folder per class, or with such folders in `train`, `val` and `test`."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.datasets.arrays import RawArrays, dataset_of
from search.datasets.dataset import DataSet
from search.datasets.depths import Ranges, common_type, on_one_scale
from search.datasets.errors import FolderError
from search.datasets.inventory import Inventory, Part, PixelRange, Tally, sizes_of
from search.datasets.layout import IMAGE_SUFFIXES, FoundPart, Tree, find_parts, read_tree
from search.datasets.memory import require_memory
from search.datasets.pictures import Form, PictureHeader, read_header, read_picture, register_heic
from spaces.resizing import AS_FOUND, Resizing

LARGEST_SIDE = 224
DEEPER = "in folders within that of a class, taken as images of that class"
SHORT = {"training": "train", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class FoundImage:
    """An image file, its header, and the class that its folder names."""

    path: Path
    label: str
    header: PictureHeader


@dataclass(frozen=True)
class ImagePart:
    """The images of a part."""

    part: FoundPart
    images: Sequence[FoundImage]


@dataclass(frozen=True, eq=False)
class Decoded:
    """The images of a part in one form, not scaled; which depth each has; and the range of each depth's pixels."""

    x: NDArray[Any]
    depths: NDArray[Any]
    ranges: Ranges


def load_folder(folder: Path, name: str, resizing: Resizing = AS_FOUND) -> DataSet:
    """The images under the folder, gray if all are gray, else RGB: as uint8 if none is deeper, else float32.

    Without a size, images of one size keep it, others are brought to the median width and height, and no side gets
    longer than 224 pixels.

    Raises:
        FolderError: there are no images, one can't be read (it is named), or the layout can be read in two ways.
        ArrayError: there is one class only, or a class has too few images.
    """
    register_heic()
    tree = read_tree(folder)
    parts = [_images_of(part, tree) for part in find_parts(tree)]
    headers = [image.header for part in parts for image in part.images]
    form, kind = _common_form(headers, resizing), common_type({header.depth for header in headers})
    require_memory(
        len(headers) * form.size[0] * form.size[1] * form.channels * kind.itemsize, f"the images of {folder}"
    )
    treated = Tally()
    decoded = [_decoded(part, tree, form, kind, treated) for part in parts]
    one = on_one_scale([(part.x, part.depths, part.ranges) for part in decoded], headers)
    arrays: dict[str, Any] = {f"x_{SHORT[part.part.role]}": x for part, x in zip(parts, one.arrays, strict=True)}
    arrays |= {f"y_{SHORT[part.part.role]}": np.array([image.label for image in part.images]) for part in parts}
    dataset = dataset_of(name, RawArrays(**arrays, one_scale=kind.kind != "f" or one.scaling is not None))
    if one.scaling is not None:
        dataset = replace(dataset, pixel_max=1.0)
    found = [_part(part, done, tree, dataset.classes) for part, done in zip(parts, decoded, strict=True)]
    inventory = Inventory(
        tuple(found),
        one.scaling or dataset.inventory.scaling,
        files=len(headers) + tree.left_out.total,
        treated=(*dataset.inventory.treated, *treated.named()),
        left_out=tree.left_out.named(),
    )
    return replace(dataset, inventory=inventory)


def listed_images(folder: Path) -> list[FoundImage]:
    """The images under the folder in the order in which they are read: those for training, validation, test.

    Raises:
        FolderError: as `load_folder` does.
    """
    register_heic()
    tree = read_tree(folder)
    return [image for part in find_parts(tree) for image in _images_of(part, tree).images]


def _images_of(part: FoundPart, tree: Tree) -> ImagePart:
    """The images of a part; its other files are left out, and counted in the tree."""
    images, broken = list[FoundImage](), list[FolderError]()
    without: dict[str, Counter[str]] = {}
    for found in part.files:
        try:
            header = read_header(found.path)
        except FolderError as error:
            broken.append(error)
            continue
        if isinstance(header, str):
            tree.left_out.add(header, tree.name_of(found.path))
            without.setdefault(found.label, Counter())[header] += 1
        else:
            images.append(FoundImage(found.path, found.label, header))
    _require_all_readable(broken)
    _require_images(part, images, tree, without)
    return ImagePart(part, images)


def _require_all_readable(broken: Sequence[FolderError]) -> None:
    if broken:
        more = f" So it is with {len(broken) - 1} more." if len(broken) > 1 else ""
        raise FolderError(f"{broken[0]}{more}")


def _require_images(
    part: FoundPart, images: Sequence[FoundImage], tree: Tree, without: Mapping[str, Counter[str]]
) -> None:
    if not images:
        loose = sum(path.suffix.lower() in IMAGE_SUFFIXES for path in tree.files[part.folder])
        raise FolderError(
            f"{part.folder} has no images in sub-folders"
            + (f", though {loose} next to them" if loose else "")
            + _reasons(without.values())
            + f"; make one sub-folder per class, such as {part.folder}/cats/1.png. "
            f"Read: {', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    filled = {image.label for image in images}
    empty = [
        f"{folder.name}{_reasons([without.get(folder.name, Counter())])}"
        for folder in tree.inside(part.folder)
        if folder.name not in filled
    ]
    if empty:
        raise FolderError(
            f"{part.folder} has classes without images: {', '.join(empty)}. Fill or remove these folders."
        )


def _reasons(counters: Iterable[Counter[str]]) -> str:
    counted = sum(counters, Counter[str]())
    return f" ({'; '.join(f'{count} x {reason}' for reason, count in counted.items())})" if counted else ""


def _common_form(headers: Sequence[PictureHeader], resizing: Resizing) -> Form:
    channels: Literal[1, 3] = 1 if all(header.gray for header in headers) else 3
    if resizing.size is not None:
        return Form(channels, resizing.size[::-1], resizing.resize)
    width, height = (int(statistics.median(header.size[axis] for header in headers)) for axis in (0, 1))
    shrink = min(1.0, LARGEST_SIDE / max(width, height))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return Form(channels, size, resizing.resize)


def _decoded(part: ImagePart, tree: Tree, form: Form, kind: np.dtype[Any], treated: Tally) -> Decoded:
    x = np.empty((len(part.images), form.size[1], form.size[0], form.channels), kind)
    ranges: dict[str, tuple[float, float]] = {}
    for number, image in enumerate(part.images):
        picture = read_picture(image.path, image.header, form)
        x[number] = np.rint(picture.pixels) if kind.kind != "f" else picture.pixels
        nested = [DEEPER] if image.path.parent != part.part.folder / image.label else []
        for what in (*picture.treated, *nested):
            treated.add(what, tree.name_of(image.path))
        low, high = ranges.get(image.header.depth, (picture.lowest, picture.highest))
        ranges[image.header.depth] = (min(low, picture.lowest), max(high, picture.highest))
    return Decoded(x, np.array([image.header.depth for image in part.images]), ranges)


def _part(part: ImagePart, done: Decoded, tree: Tree, classes: Sequence[str]) -> Part:
    labels, depths = (Counter(map(str, values)) for values in ([i.label for i in part.images], done.depths))
    return Part(
        part.part.role,
        "" if part.part.folder == tree.folder else f"{tree.name_of(part.part.folder)}/",
        tuple(labels[name] for name in classes),
        sizes_of([(image.header.size[1], image.header.size[0]) for image in part.images]),
        dict(Counter(image.header.kind for image in part.images).most_common()),
        tuple(PixelRange(depth, depths[depth], *done.ranges[depth]) for depth in done.ranges),
    )
