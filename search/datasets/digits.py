"""scikit-learn's handwritten digits: 1,797 real images of 8x8 pixels, part of the package, so no network is needed.

Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
"""

import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.datasets.arrays import RawArrays, dataset_of
from search.datasets.dataset import DataSet


def load_digits() -> DataSet:
    """The digits: gray images (8, 8, 1) with values 0 to 16 in ten classes; a fifth of each class is for the test."""
    table = _table()
    return dataset_of("digits", RawArrays(table[:, :-1].reshape(-1, 8, 8).astype(np.uint8), table[:, -1].copy()))


def _table() -> NDArray[np.int64]:
    """An image a row: 64 pixels, then its digit.

    Importing scikit-learn takes two seconds, for every process that looks at the data. Its file is read without, where
    it is found in its place.
    """
    package = importlib.util.find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            return np.loadtxt(file, delimiter=",", dtype=np.int64)
    from sklearn import datasets

    bunch = datasets.load_digits()
    return np.column_stack([bunch.data, bunch.target]).astype(np.int64)
