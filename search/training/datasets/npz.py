"""A data set of one's own in a NumPy `.npz` file: x_train and y_train, and x_test and y_test if there are any."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib.npyio import NpzFile

from search.training.datasets.arrays import RawArrays, dataset_of
from search.training.datasets.dataset import DataSet
from search.training.datasets.errors import ArrayError
from search.training.datasets.memory import require_memory

NAMES = ("x_train", "y_train", "x_test", "y_test")
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def load_npz(path: Path, name: str, classes: Sequence[str] | None = None) -> DataSet:
    """The data set in the file.

    Raises:
        ArrayError: the file can't be read, or isn't one of labelled images.
    """
    return dataset_of(name, _read(path), classes)


def _read(path: Path) -> RawArrays:
    try:
        with path.open("rb") as opened, _arrays(path, opened) as file:
            _require_names(path, file.files)
            names = [name for name in NAMES if name in file.files]
            with zipfile.ZipFile(opened) as archive:
                require_memory(sum(_size(path, archive, name) for name in names), f"the arrays of {path}")
            return RawArrays(**{name: file[name] for name in names})
    except ArrayError:
        raise
    except ValueError as error:
        raise ArrayError(
            f"{path} holds something other than plain arrays ({error}); save numbers or text with np.savez"
        ) from error
    except Exception as error:  # zipfile and NumPy raise a dozen kinds on files that are damaged, encrypted or made up
        raise ArrayError(f"{path} can't be read as an .npz file: {error or type(error).__name__}") from error


def _arrays(path: Path, opened: BinaryIO) -> NpzFile:
    file = np.load(opened, allow_pickle=False)
    if not isinstance(file, NpzFile):
        raise ArrayError(f"{path} holds a single array; save x_train and y_train together with np.savez")
    return file


def _size(path: Path, archive: zipfile.ZipFile, name: str) -> int:
    """The bytes that an array is going to take, as its header says it, and as there are in the file.

    Raises:
        ArrayError: the header promises more.
    """
    info = archive.getinfo(name if name in archive.namelist() else f"{name}.npy")
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        header = HEADERS.get(version)
        shape, _, dtype = header(member) if header else ((), False, np.dtype(bool))
    size = math.prod(shape) * dtype.itemsize
    if size > info.file_size and not dtype.hasobject:
        raise ArrayError(
            f"{path} is damaged: its {name} is said to be {shape} of {dtype}, {size:,} bytes, not {info.file_size:,}"
        )
    return info.file_size


def _require_names(path: Path, found: list[str]) -> None:
    missing = [name for name in NAMES[:2] if name not in found]
    if missing:
        raise ArrayError(
            f"{path} lacks {' and '.join(missing)}; it has {', '.join(found) or 'nothing'}. "
            "Needed: x_train, y_train; x_test and y_test may be added."
        )
    if ("x_test" in found) != ("y_test" in found):
        raise ArrayError(f"{path} has only one of x_test and y_test; give both or neither")
