"""scikit-learn's handwritten digits: 1,797 real images of 8x8 pixels, part of the package, so no network is needed.

Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
"""

import numpy as np

from search.training.datasets.arrays import RawArrays, dataset_of
from search.training.datasets.dataset import DataSet


def load_digits() -> DataSet:
    """The digits: grey images (8, 8, 1) with values 0 to 16 in ten classes; a fifth of each class is for the test."""
    from sklearn import datasets  # takes about a second: only who uses the digits pays for it

    bunch = datasets.load_digits()
    return dataset_of("digits", RawArrays(bunch.images.astype(np.uint8), bunch.target))
