"""A data set of one's own in a NumPy `.npz` file: x_train and y_train, and x_test and y_test if there are any."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib.npyio import NpzFile

from search.training.datasets.arrays import RawArrays, dataset_of
from search.training.datasets.dataset import DataSet
from search.training.datasets.errors import ArrayError

NAMES = ("x_train", "y_train", "x_test", "y_test")


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
            return RawArrays(**{name: file[name] for name in NAMES if name in file.files})
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise ArrayError(f"{path} can't be read as an .npz file: {error}") from error
    except ArrayError:
        raise
    except ValueError as error:
        raise ArrayError(
            f"{path} holds something other than plain arrays ({error}); save numbers or text with np.savez"
        ) from error


def _arrays(path: Path, opened: BinaryIO) -> NpzFile:
    file = np.load(opened, allow_pickle=False)
    if not isinstance(file, NpzFile):
        raise ArrayError(f"{path} holds a single array; save x_train and y_train together with np.savez")
    return file


def _require_names(path: Path, found: list[str]) -> None:
    missing = [name for name in NAMES[:2] if name not in found]
    if missing:
        raise ArrayError(
            f"{path} lacks {' and '.join(missing)}; it has {', '.join(found) or 'nothing'}. "
            "Needed: x_train, y_train; x_test and y_test may be added."
        )
    if ("x_test" in found) != ("y_test" in found):
        raise ArrayError(f"{path} has only one of x_test and y_test; give both or neither")
