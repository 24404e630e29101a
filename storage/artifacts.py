"""Files that trials keep, in a folder or in S3, through Optuna's artifact stores: its dashboard shows them by itself.

What a store holds is complete: in a folder, a file gets its name when all of it is there; S3 works like that anyway.
"""

import contextlib
import importlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from optuna.artifacts import Boto3ArtifactStore, FileSystemArtifactStore, upload_artifact
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial

from storage.errors import ArtifactError, StorageUsageError, UrlError
from storage.masking import hide_password

PARTIAL = ".partial"


class Store(Protocol):
    """What Optuna asks of an artifact store."""

    def open_reader(self, artifact_id: str) -> BinaryIO: ...

    def write(self, artifact_id: str, content_body: BinaryIO) -> None: ...

    def remove(self, artifact_id: str) -> None: ...


class FolderStore:
    """A folder, in which a file appears under its name when it is complete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = FileSystemArtifactStore(folder)

    def open_reader(self, artifact_id: str) -> BinaryIO:
        return self._files.open_reader(artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        partial = artifact_id + PARTIAL
        try:
            self._files.write(partial, content_body)
            (self._folder / partial).replace(self._folder / artifact_id)
        except OSError:
            with contextlib.suppress(ArtifactNotFound):
                self._files.remove(partial)
            raise

    def remove(self, artifact_id: str) -> None:
        with contextlib.suppress(ArtifactNotFound):  # of a process that was killed while it stored the file
            self._files.remove(artifact_id + PARTIAL)
        self._files.remove(artifact_id)


class PrefixStore:
    """Another store, under a prefix of its names."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def open_reader(self, artifact_id: str) -> BinaryIO:
        return self._store.open_reader(self._prefix + artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        self._store.write(self._prefix + artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        self._store.remove(self._prefix + artifact_id)


class AnnouncedStore:
    """Another store; what is going to be written there is announced first."""

    def __init__(self, store: Store, announce: Callable[[str], None]) -> None:
        self._store = store
        self._announce = announce

    def open_reader(self, artifact_id: str) -> BinaryIO:
        return self._store.open_reader(artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        self._announce(artifact_id)
        self._store.write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        self._store.remove(artifact_id)


class Artifacts:
    """The kept files of a study's trials. `store` is one of Optuna's kind; `failures` are what it raises."""

    def __init__(self, store: Store, failures: tuple[type[Exception], ...] = (OSError,)) -> None:
        self.store = store
        # A folder's store answers an id that is no name of a file with a ValueError.
        self._failures: tuple[type[Exception], ...] = (*failures, ArtifactNotFound, ValueError)

    def keep(
        self,
        trial: Trial | FrozenTrial,
        path: Path,
        filename: str | None = None,
        storage: BaseStorage | None = None,
        announce: Callable[[str], None] | None = None,
    ) -> str:
        """Copies a file into the store, as one of the trial's; returns its id, which `fetch` and `remove` want.

        The trial must still be running. `filename` is what people see, the file's own name unless given. A frozen
        trial needs the `storage` that it is of. `announce` is told the id before the first byte is stored.

        Raises:
            ArtifactError: the file can't be read or stored.
            ValueError: the filename is more than a name.
        """
        with named(path.absolute(), filename or path.name) as source, self._translated(f"{path} can't be kept"):
            store = self.store if announce is None else AnnouncedStore(self.store, announce)
            return upload_artifact(artifact_store=store, file_path=str(source), study_or_trial=trial, storage=storage)

    def put(self, name: str, path: Path) -> None:
        """Copies a file into the store under a name of the caller's, in the place of what had it before.

        Raises:
            ArtifactError: the file can't be read or stored.
        """
        with self._translated(f"{path} can't be stored"), path.open("rb") as content:
            self.store.write(name, content)

    def fetch(self, artifact_id: str, path: Path) -> None:
        """Copies a kept file to `path`, which appears, or is replaced, when all of it is there.

        Raises:
            ArtifactError: there is no such file, or it can't be read or written.
        """
        partial = path.with_name(path.name + PARTIAL)
        with self._translated(f"the artifact {artifact_id} can't be fetched"):
            with self.store.open_reader(artifact_id) as source, partial.open("wb") as target:
                shutil.copyfileobj(source, target)
            partial.replace(path)

    def has(self, artifact_id: str) -> bool:
        """Whether there is such a file.

        Raises:
            ArtifactError: it can't be told.
        """
        found = self.find(artifact_id)
        if found is not None:
            found.close()
        return found is not None

    def find(self, artifact_id: str) -> BinaryIO | None:
        """A kept file, opened; None if there is no such file.

        Raises:
            ArtifactError: it can't be told.
        """
        with self._translated(f"the artifact {artifact_id} can't be looked for"):
            try:
                return self.store.open_reader(artifact_id)
            except ArtifactNotFound:
                return None

    def remove(self, artifact_id: str) -> None:
        """Deletes a kept file; one that isn't there is no error.

        Raises:
            ArtifactError: it can't be deleted.
        """
        with self._translated(f"the artifact {artifact_id} can't be removed"), contextlib.suppress(ArtifactNotFound):
            self.store.remove(artifact_id)

    @contextlib.contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            raise ArtifactError(f"{what}: {error}") from error


def open_artifacts(location: str) -> Artifacts:
    """The kept files under a folder, which is created, or under s3://bucket/prefix.

    Raises:
        UrlError: it is neither.
        StorageUsageError: the folder can't be written, or boto3 is missing.
    """
    scheme, separator, rest = location.partition("://")
    if not separator:
        return Artifacts(FolderStore(writable_folder(Path(location).absolute())))
    if scheme != "s3" or not rest.partition("/")[0]:
        raise UrlError(f"{hide_password(location)!r}: artifacts go to a folder or to s3://bucket/prefix")
    return open_s3(*rest.partition("/")[::2])


def open_for_reading(location: str) -> Artifacts:
    """As `open_artifacts`, but nothing is created, and a folder needn't be writable: one that isn't there has no files.

    Raises:
        UrlError, StorageUsageError: as there, of another place than a folder.
    """
    if "://" in location:
        return open_artifacts(location)
    return Artifacts(FolderStore(Path(location).absolute()))


def writable_folder(folder: Path) -> Path:
    """The folder, created if it wasn't there; raises StorageUsageError if files can't be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise StorageUsageError(f"the folder for artifacts {str(folder)!r} can't be written: {error}") from error


def open_s3(bucket: str, prefix: str) -> Artifacts:
    """The kept files in a bucket. Credentials and endpoint are boto3's to find, in its environment variables."""
    try:
        errors = importlib.import_module("botocore.exceptions")
        store = Boto3ArtifactStore(bucket)
    except ImportError as error:
        raise StorageUsageError(f"s3://{bucket} needs boto3, which isn't installed: pip install boto3") from error
    prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
    return Artifacts(PrefixStore(store, prefix), (OSError, errors.BotoCoreError, errors.ClientError))


@contextlib.contextmanager
def named(path: Path, filename: str) -> Iterator[Path]:
    """The file under another name, which is the one that Optuna notes."""
    if filename in ("", ".", "..") or os.path.basename(filename) != filename:  # noqa: PTH119 - text, not a path
        raise ValueError(f"a file's name has no directories: {filename!r}")
    if filename == path.name:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / filename
        link.symlink_to(path)
        yield link
