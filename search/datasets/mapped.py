"""A data set's arrays as plain files, which any number of trainers map into memory: the system holds them once for all.

FOLDER/x_train.npy  y_train.npy  x_test.npy  y_test.npy  about.json
"""

import logging
import re
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from search.datasets.dataset import DataSet
from search.host.own_files import remove_empty, remove_files

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
ABOUT = "about.json"
PART = ".part-"
HALF_WRITTEN = f"{PART}*"
FILES = re.compile("|".join([*(rf"{name}\.npy" for name in ARRAYS), re.escape(ABOUT)]))

log = logging.getLogger(__name__)


class About(msgspec.Struct, frozen=True):
    """The fields of a DataSet that aren't arrays."""

    name: str
    classes: tuple[str, ...]
    pixel_max: float
    n_own_validation: int = 0


def write_mapped(dataset: DataSet, folder: Path) -> None:
    """Writes the data set's files, all or none: a folder of that name is complete, even if a process is killed.

    Raises:
        OSError: it can't be written; or there is one already, which stays as it is.
    """
    for left in folder.parent.glob(HALF_WRITTEN):  # of a process that was killed
        remove_mapped(left / folder.name)
        remove_empty(left)
    with tempfile.TemporaryDirectory(prefix=PART, dir=folder.parent) as scratch:
        part = Path(scratch) / folder.name
        part.mkdir()
        for name in ARRAYS:
            np.save(part / f"{name}.npy", np.ascontiguousarray(getattr(dataset, name)), allow_pickle=False)
        about = About(dataset.name, dataset.classes, dataset.pixel_max, dataset.n_own_validation)
        (part / ABOUT).write_bytes(msgspec.json.encode(about))
        part.rename(folder)


def open_mapped(folder: Path) -> DataSet | None:
    """The data set in that folder, with arrays that are mapped and can't be written to; None, which the log explains,
    if it can't be used. Files that are deleted stay readable for those who have them open.
    """
    try:
        about = msgspec.json.decode((folder / ABOUT).read_bytes(), type=About)
        arrays: dict[str, Any] = {name: _mapped(folder / f"{name}.npy") for name in ARRAYS}
    except Exception as error:  # noqa: BLE001 - NumPy raises many kinds on a damaged header
        log.warning("the decoded images in %s can't be used: %s", folder, error)
        return None
    return DataSet(
        about.name,
        **arrays,
        classes=about.classes,
        pixel_max=about.pixel_max,
        n_own_validation=about.n_own_validation,
    )


def remove_mapped(folder: Path) -> None:
    """Removes the files, and the folder unless there are others in it; processes that have them open keep them."""
    remove_files(folder, FILES)


def _mapped(path: Path) -> NDArray[Any]:
    """The mapping is private, so that TensorFlow takes it as it is (`Backend.to_device`), and is never written to."""
    array: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
    array.flags.writeable = False
    return array
