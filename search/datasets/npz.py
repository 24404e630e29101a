"""A data set of the user's in a NumPy `.npz` file: x_train and y_train, and arrays for validation and test if there are
any.
"""

import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.lib.npyio import NpzFile

from search.datasets.array_names import CHANNELS_FIRST, CHANNELS_LAST, FORMAT, known_names, require_pairs
from search.datasets.arrays import RawArrays, dataset_of
from search.datasets.dataset import DataSet
from search.datasets.errors import ArrayError
from search.datasets.inventory import Named
from search.datasets.memory import require_memory

HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def load_npz(path: Path, name: str, classes: Sequence[str] | None = None) -> DataSet:
    """The data set in the file.

    Raises:
        ArrayError: the file can't be read, or isn't one of labeled images.
    """
    arrays, unused = _read(path)
    dataset = dataset_of(name, arrays, classes)
    left_out = (Named("arrays of other names", len(unused), tuple(unused)),) if unused else ()
    parts = (msgspec.structs.replace(part, source=arrays.names[part.source]) for part in dataset.inventory.parts)
    inventory = msgspec.structs.replace(dataset.inventory, parts=tuple(parts), left_out=left_out)
    return replace(dataset, inventory=inventory)


def _read(path: Path) -> tuple[RawArrays, list[str]]:
    """The arrays, and the names of those that aren't images or labels of a part."""
    try:
        with path.open("rb") as opened, _arrays(path, opened) as file:
            known = known_names(file.files, str(path))
            require_pairs(known, file.files, str(path))
            with zipfile.ZipFile(opened) as archive:
                size = sum(_size(path, archive, name) for name in known.values())
                require_memory(size, f"the arrays of {path}")
            unused = [name for name in file.files if name not in known.values() and name != FORMAT]
            return _in_format(path, file, known), unused
    except ArrayError:
        raise
    except ValueError as error:
        raise ArrayError(
            f"{path} holds something other than plain arrays ({error}); save numbers or text with np.savez"
        ) from error
    except Exception as error:  # zipfile and NumPy raise a dozen kinds on files that are damaged, encrypted or made up
        raise ArrayError(f"{path} can't be read as an .npz file: {error or type(error).__name__}") from error


def _in_format(path: Path, file: Mapping[str, Any], known: Mapping[str, str]) -> RawArrays:
    """The known arrays with channels last, as `data_format` in the file says that they have them, if it is there."""
    arrays = {meaning: file[name] for meaning, name in known.items()}
    said = str(file[FORMAT]) if FORMAT in file else None
    if said not in (None, CHANNELS_FIRST, CHANNELS_LAST):
        raise ArrayError(
            f"{path}: its {FORMAT} is {said!r}: give {CHANNELS_FIRST!r} or {CHANNELS_LAST!r}, or leave it out"
        )
    if said == CHANNELS_FIRST:
        arrays = {
            name: array.transpose(0, 2, 3, 1) if name.startswith("x") and array.ndim == 4 else array
            for name, array in arrays.items()
        }
    return RawArrays(**arrays, channels_last=said is not None, names=dict(known))


def _arrays(path: Path, opened: BinaryIO) -> NpzFile:
    file = np.load(opened, allow_pickle=False)
    if not isinstance(file, NpzFile):
        raise ArrayError(f"{path} holds a single array; save x_train and y_train together with np.savez")
    return file


def _size(path: Path, archive: zipfile.ZipFile, name: str) -> int:
    """The bytes that an array is going to take, as its header says it, and as there are in the file.

    Raises:
        ArrayError: the header promises more, or Python objects.
    """
    info = archive.getinfo(name if name in archive.namelist() else f"{name}.npy")
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        header = HEADERS.get(version)
        shape, _, dtype = header(member) if header else ((), False, np.dtype(bool))
    if dtype.hasobject:
        raise ArrayError(
            f"{path}: its {name} holds Python objects, which aren't read, as they could run code: save plain numbers "
            f"or text, such as np.array({name}.tolist())"
        )
    size = math.prod(shape) * dtype.itemsize
    if size > info.file_size:
        raise ArrayError(
            f"{path} is damaged: its {name} is said to be {shape} of {dtype}, {size:,} bytes, not {info.file_size:,}"
        )
    return info.file_size
