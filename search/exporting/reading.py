"""How an exported script reads the study's images: the lines of its `load_images`, and what these need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from search.datasets.array_names import CHANNELS_FIRST, FORMAT, known_names
from search.datasets.depths import common_type, divisor_of
from search.datasets.folder import listed_images
from search.errors import UsageError

KERAS_DATASETS = ("mnist", "fashion_mnist", "cifar10", "cifar100")
PARTS = ("x_train", "x_val", "x_test")


@dataclass(frozen=True)
class Reading:
    """The values for the script's template: the `kind` of data, its `name`, the packages that it needs besides Keras
    and NumPy, the arrays in an .npz file, whether they have channels first, and whether a folder has images deeper than
    8 bits. `numbers` are arrays for the file next to the script.
    """

    kind: str
    name: str
    packages: tuple[str, ...] = ()
    arrays: Sequence[str] = PARTS[::2]
    channels_first: bool = False
    deep: bool = False
    whole: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)


def reading_of(dataset: str) -> Reading:
    """How images of the data set of that reference are read without this project.

    Raises:
        UsageError: the script couldn't have the study's images; says why.
    """
    if dataset == "digits":
        return Reading("digits", dataset, ("scikit-learn",))
    if dataset in KERAS_DATASETS:
        return Reading("keras", dataset)
    path = Path(dataset)
    return _folder(path) if path.is_dir() else _npz(path)


def _npz(path: Path) -> Reading:
    with np.load(path) as file:
        known = known_names(file.files, path.name)
        first = FORMAT in file.files and str(file[FORMAT]) == CHANNELS_FIRST
    return Reading("npz", path.name, arrays=[known[part] for part in PARTS if part in known], channels_first=first)


def _folder(path: Path) -> Reading:
    images = listed_images(path)
    headers = [image.header for image in images]
    depths = list(dict.fromkeys(header.depth for header in headers))
    numbers: dict[str, Any] = {"files": np.array([image.path.relative_to(path).as_posix() for image in images])}
    packages = ("Pillow", *(["pillow-heif"] if any(_is_heic(image.path) for image in images) else []))
    if len(depths) > 1:
        divisors = {depth: divisor_of(depth, headers, ()) for depth in depths}
        unknown = [depth for depth, divisor in divisors.items() if divisor is None]
        if unknown:
            raise UsageError(
                f"{path} has images of several depths ({', '.join(depths)}), and those of {' and '.join(unknown)} have "
                "no largest value of their own: no script can scale them as the study did, without reading all of them"
            )
        numbers["divisors"] = np.array([divisors[header.depth] for header in headers], np.float32)
    return Reading(
        "folder",
        path.name,
        packages,
        deep=depths != ["8-bit"],
        whole=common_type(set(depths)).kind != "f",
        numbers=numbers,
    )


def _is_heic(path: Path) -> bool:
    return path.suffix.lower() in (".heic", ".heif")
