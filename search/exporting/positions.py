"""Which images of the study's data a trial trained on, was validated on, and is tested on, and with which labels."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search.datasets import DataSet
from search.study.images_split import study_split
from search.training.data.preprocessing import Preprocessing, preprocessed_labels
from spaces.configuration import Configuration
from storage import Manifest

Positions = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Parts:
    """Positions among the images of the data in the order in which it has them (all for training, then those that came
    for validation and for the test), and the labels of these images as the trial had them: positions of their classes.
    `n_images` are all that the data has.
    """

    train: Positions
    train_labels: Positions
    validation: Positions
    validation_labels: Positions
    test: Positions
    test_labels: Positions
    n_images: int


def parts_of(data: DataSet, manifest: Manifest, configuration: Configuration, split_seed: int) -> Parts:
    """The parts of the trial whose split has that seed."""
    used, test = source_positions(data)
    numbered = replace(data, x_train=used.reshape(-1, 1, 1, 1), x_test=test.reshape(-1, 1, 1, 1))
    found = study_split(numbered, manifest, split_seed)
    labels = preprocessed_labels(found, Preprocessing.of(configuration, split_seed))
    return Parts(
        found.x_train.reshape(-1),
        labels.y_train,
        found.x_val.reshape(-1),
        labels.y_val,
        found.x_test.reshape(-1),
        found.y_test,
        n_images=len(used) + len(test),
    )


def source_positions(data: DataSet) -> tuple[Positions, Positions]:
    """Where the images of a data set are in its source: those for training and validation, and those for the test."""
    n_own, n_held_out = data.n_own_validation, 0 if data.held_out is None else len(data.held_out)
    n_train = len(data.y_train) - n_own + n_held_out
    own = n_train + np.arange(n_own)
    if data.held_out is not None:
        return np.concatenate([np.setdiff1d(np.arange(n_train), data.held_out), own]), data.held_out
    return np.concatenate([np.arange(n_train), own]), n_train + n_own + np.arange(len(data.y_test))
