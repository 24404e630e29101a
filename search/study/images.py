"""A study's images on this machine: decoded by one worker, in files that all its trainers share."""

import contextlib
import logging
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from search.trainers.protocol import DataSource
from storage import Manifest

SMALLEST = 2**24  # pixel values; fewer are faster to read than to share
LONGEST_DECODING_S = 1800.0
ROOM = 2  # this many times the files' size must be free: checkpoints and models need room, too

ALONE = "each trainer reads the images for itself: %s"

log = logging.getLogger(__name__)


def find_images(manifest: Manifest, data: DataSource) -> str:
    """The fingerprint of the study's images on this machine; `data.decoded` is the folder for decoded ones.

    The first process decodes them there, if they are the study's and many, while others wait. If that fails, each
    trainer reads the source itself, and the log says why.

    Raises:
        DataError: the images can't be used.
    """
    if data.decoded is None or not _many(manifest):
        return _read(data)
    folder = Path(data.decoded)
    try:
        with _lock(folder):
            if not folder.is_dir():
                return _decode(manifest, data, folder)
    except (OSError, NotImplementedError) as error:
        log.warning(ALONE, f"they can't be shared in {folder} ({error})")
        return _read(data)
    return _check(manifest, data, folder)


def _many(manifest: Manifest) -> bool:
    images = manifest.n_train + manifest.n_validation + manifest.n_test
    return images * math.prod(manifest.image_shape) >= SMALLEST


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Goes with the process that holds it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / ".lock", timeout=LONGEST_DECODING_S):
        yield


def _read(data: DataSource) -> str:
    from search.datasets import load_dataset

    return load_dataset(data.dataset, data.data_dir, data.resizing).fingerprint()


def _decode(manifest: Manifest, data: DataSource, folder: Path) -> str:
    from search.datasets import load_dataset
    from search.datasets.mapped import write_mapped

    dataset = load_dataset(data.dataset, data.data_dir, data.resizing)
    fingerprint = dataset.fingerprint()
    if fingerprint != manifest.dataset_fingerprint:
        return fingerprint
    needed, free = dataset.nbytes, shutil.disk_usage(folder.parent).free
    if needed * ROOM > free:
        log.warning(ALONE, f"they take {needed / 1e6:.0f} MB, and {folder.parent} has {free / 1e6:.0f} MB left")
        return fingerprint
    try:
        write_mapped(dataset, folder)
        log.info("the decoded images, %d MB, are in %s until the study is done", needed // 10**6, folder)
    except OSError as error:
        log.warning(ALONE, f"they can't be written to {folder} ({error})")
    return fingerprint


def _check(manifest: Manifest, data: DataSource, folder: Path) -> str:
    """The images that another process has decoded; they are removed if their fingerprint is wrong."""
    from search.datasets.mapped import open_mapped, remove_mapped

    found = open_mapped(folder)
    if found is not None and found.fingerprint() == manifest.dataset_fingerprint:
        return manifest.dataset_fingerprint
    log.warning(ALONE, f"those in {folder} were damaged, and are removed")
    remove_mapped(folder)
    return _read(data)
