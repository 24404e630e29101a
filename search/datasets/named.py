"""The well-known data sets that Keras can download, from a file of that name where there is one."""

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from search.console.held_errors import errors_held_back
from search.datasets.arrays import RawArrays, dataset_of
from search.datasets.dataset import DataSet
from search.datasets.errors import DatasetUnavailable
from search.datasets.npz import load_npz
from search.host.keras_import import use_our_conventions

DATA_DIR = "SEARCH_DATA_DIR"


@dataclass(frozen=True)
class Named:
    """A data set by the name that it has in `keras.datasets`, with the names of its labels 0, 1, …"""

    name: str
    classes: tuple[str, ...]

    def load(self, data_dir: str | None) -> DataSet:
        """From NAME.npz in `data_dir`, or in SEARCH_DATA_DIR if that is None; else through Keras' download."""
        path = own_file(self.name, data_dir)
        if path is not None and path.is_file():
            return load_npz(path, self.name, self.classes)
        return dataset_of(self.name, self._download(path), self.classes)

    def _download(self, path: Path | None) -> RawArrays:
        with errors_held_back():
            import keras

        use_our_conventions(keras.config)  # else channels may come first
        try:
            with contextlib.redirect_stdout(sys.stderr):  # Keras' progress bar; standard output is for results
                (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, self.name).load_data()
        except Exception as error:  # Keras raises a bare one when a download fails
            place = path or f"DIR/{self.name}.npz"
            raise DatasetUnavailable(
                f"The data set {self.name} isn't on this machine and couldn't be downloaded ({error}). Put its arrays "
                f"x_train, y_train, x_test, y_test into {place} and pass --data-dir or set {DATA_DIR}."
            ) from error
        return RawArrays(x_train, y_train, x_test, y_test)


def own_file(name: str, data_dir: str | None) -> Path | None:
    """Where the user's file of a named data set is looked for; None if no folder is given."""
    folder = data_dir or os.environ.get(DATA_DIR)
    return Path(folder, f"{name}.npz") if folder else None


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(count))


MNIST = Named("mnist", _numbered(10))
FASHION_MNIST = Named(
    "fashion_mnist",
    ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
CIFAR10 = Named("cifar10", ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"))
CIFAR100 = Named("cifar100", _numbered(100))
