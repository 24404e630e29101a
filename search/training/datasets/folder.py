"""A folder of images, one sub-folder a class, or with such folders in `train` and `test`."""

import statistics
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from search.outside_text import is_text
from search.training.datasets.arrays import RawArrays, dataset_of
from search.training.datasets.dataset import DataSet
from search.training.datasets.errors import FolderError
from search.training.datasets.memory import require_memory

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
GREY_MODES = frozenset({"1", "L"})
LARGEST_SIDE = 224
MOST_PIXELS = 89_478_485  # of one image, 256 MB in color: from there on, Pillow takes it for an attack


@dataclass(frozen=True)
class Found:
    """An image file and the class that its folder names."""

    path: Path
    label: str


@dataclass(frozen=True)
class Format:
    """What all images are brought to: Pillow's mode "L" or "RGB", and the size in pixels, width first as in Pillow."""

    mode: str
    size: tuple[int, int]


def load_folder(folder: Path, name: str) -> DataSet:
    """The images under the folder as uint8, grey if all are grey, else RGB.

    Images of one size keep it; others are scaled to the median width and height. No side gets longer than 224 pixels.

    Raises:
        FolderError: there are no images, one can't be read (it is named), or an image lies outside the class folders.
        ArrayError: there is one class only, or a class has too few images.
    """
    train, test = _find_parts(folder)
    form = _common_format([*train, *test])
    width, height = form.size
    channels = 1 if form.mode == "L" else 3
    require_memory((len(train) + len(test)) * width * height * channels, f"the images of {folder}")
    x_train, y_train = _read_all(train, form)
    if not test:
        return dataset_of(name, RawArrays(x_train, y_train))
    return dataset_of(name, RawArrays(x_train, y_train, *_read_all(test, form)))


def _find_parts(folder: Path) -> tuple[list[Found], list[Found]]:
    if (folder / "train").is_dir() and any(entry.is_dir() for entry in (folder / "train").iterdir()):
        test = _find(folder / "test") if (folder / "test").is_dir() else []
        return _find(folder / "train"), test
    return _find(folder), []


def _find(folder: Path) -> list[Found]:
    """Every image of every class, in the order of the names, so that the fingerprint is the same on every machine."""
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    _require_readable_names(classes)
    found = [Found(path, entry.name) for entry in classes for path in sorted(entry.rglob("*")) if _is_image(path)]
    if not found:
        loose = sum(_is_image(path) for path in folder.iterdir())
        raise FolderError(
            f"{folder} has no images in sub-folders"
            + (f", though {loose} beside them" if loose else "")
            + f"; make one sub-folder a class, such as {folder}/cats/1.png. Read: {', '.join(sorted(SUFFIXES))}."
        )
    without = [entry.name for entry in classes if entry.name not in {item.label for item in found}]
    if without:
        raise FolderError(f"{folder} has classes without images: {', '.join(without)}. Fill or remove these folders.")
    return found


def _require_readable_names(classes: Sequence[Path]) -> None:
    for entry in classes:
        if not is_text(entry.name):
            raise FolderError(
                f"The name of the class folder {str(entry)!a} isn't UTF-8, as names of classes must be. Rename it."
            )


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _common_format(found: Sequence[Found]) -> Format:
    heads = [_head(item.path) for item in found]
    mode = "L" if all(head.mode in GREY_MODES for head in heads) else "RGB"
    width, height = (int(statistics.median(head.size[axis] for head in heads)) for axis in (0, 1))
    shrink = min(1.0, LARGEST_SIDE / max(width, height))
    return Format(mode, (max(1, round(width * shrink)), max(1, round(height * shrink))))


def _head(path: Path) -> Format:
    with _opened(path) as image:
        return Format(image.mode, image.size)


def _read_all(found: Sequence[Found], form: Format) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    return np.stack([_read(item.path, form) for item in found]), np.array([item.label for item in found])


def _read(path: Path, form: Format) -> NDArray[np.uint8]:
    with _opened(path) as image:
        try:
            converted = image.convert(form.mode)
        except Exception as error:  # decoders raise a dozen kinds on damaged files
            raise _unreadable(path, error) from error
        if converted.size != form.size:
            converted = converted.resize(form.size, Image.Resampling.BILINEAR)
        return np.asarray(converted, np.uint8)


def _opened(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
            image = Image.open(path)
    except Exception as error:  # decoders raise a dozen kinds on damaged files
        raise _unreadable(path, error) from error
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise FolderError(
            f"The image {path} has {image.width:,} x {image.height:,} pixels, and {MOST_PIXELS:,} are the most that "
            "are decoded. Make it smaller or take it out of the folder."
        )
    return image


def _unreadable(path: Path, error: Exception) -> FolderError:
    return FolderError(f"The image {path} can't be read ({error}). Repair it or take it out of the folder.")
