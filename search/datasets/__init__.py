"""The data sets: by name, as an `.npz` file, or as a folder with one sub-folder a class.

None of it imports Keras, but for the download of a named data set that isn't on this machine.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from search.console.outside_text import is_text
from search.datasets.dataset import DataSet
from search.datasets.digits import load_digits
from search.datasets.errors import ArrayError, DataError, DatasetUnavailable, FolderError, UnknownDataset
from search.datasets.named import CIFAR10, CIFAR100, FASHION_MNIST, MNIST
from spaces.names import unknown_name
from spaces.paths import at_home, is_file, is_folder
from spaces.resizing import AS_FOUND, Resizing

__all__ = [
    "DATASETS",
    "ArrayError",
    "DataError",
    "DataSet",
    "DatasetUnavailable",
    "FolderError",
    "UnknownDataset",
    "dataset_names",
    "load_dataset",
    "resolve_dataset",
]

Loader = Callable[[str | None], DataSet]

DATASETS: Mapping[str, Loader] = MappingProxyType(
    {
        "digits": lambda _data_dir: load_digits(),
        "mnist": MNIST.load,
        "fashion_mnist": FASHION_MNIST.load,
        "cifar10": CIFAR10.load,
        "cifar100": CIFAR100.load,
    }
)


def dataset_names() -> list[str]:
    """The names that `load_dataset` knows, the default first."""
    return list(DATASETS)


def resolve_dataset(ref: str) -> str:
    """The reference as a worker in another directory can use it: a known name, or the absolute path that exists.

    Raises:
        UnknownDataset: neither; lists the names and suggests the nearest.
    """
    if ref in DATASETS:
        return ref
    if not is_text(ref):
        raise UnknownDataset(f"The path {ref!a} isn't UTF-8, as that of a data set must be. Rename it.")
    path = at_home(Path(ref))
    if is_folder(path) or (is_file(path) and path.suffix == ".npz"):
        return str(path.resolve())
    if is_file(path):
        raise UnknownDataset(
            f"{ref} is neither an .npz file nor a folder of images. Unpack an archive, and give its folder; save "
            "arrays with np.savez(…, x_train=…, y_train=…); put images into a folder for each class."
        )
    if path.suffix or len(path.parts) > 1:
        raise UnknownDataset(f"There is no file or folder {ref}. Names of data sets: {', '.join(DATASETS)}.")
    raise UnknownDataset(unknown_name("data set", ref, DATASETS) + " Or give an .npz file or a folder of images.")


def load_dataset(ref: str, data_dir: str | None = None, resizing: Resizing = AS_FOUND) -> DataSet:
    """The data set of that name, `.npz` file or folder.

    `data_dir` is where named ones lie as NAME.npz; None: in SEARCH_DATA_DIR, if that is set. `resizing` is what
    images of a folder are brought to.

    Raises:
        DataError: it can't be used, or its images aren't files that could be resized; the message says why and what to
            do.
    """
    resolved = resolve_dataset(ref)
    if resizing != AS_FOUND and not Path(resolved).is_dir():
        raise DataError(
            f"--image-size and --resize bring images of a folder to one size, and {ref} has arrays, which are used as "
            "they are: leave these flags out, or give a folder of image files"
        )
    if resolved in DATASETS:
        return DATASETS[resolved](data_dir)
    path = Path(resolved)
    if path.is_dir():
        from search.datasets.folder import load_folder

        return load_folder(path, path.name, resizing)
    from search.datasets.npz import load_npz

    return load_npz(path, path.name)
