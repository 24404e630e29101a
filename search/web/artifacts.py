"""The artifacts of all studies of a database as one store, wherever each study keeps them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from optuna.artifacts.exceptions import ArtifactNotFound

from storage import Artifacts, open_artifacts
from storage.artifacts import FolderStore
from storage.errors import ArtifactError, StorageError

log = logging.getLogger(__name__)


class FoundArtifacts:
    """Looks for an artifact in each of the places, which are listed again each time, as studies may be added.

    `places` returns folders and s3:// URLs; new files go to the first. They come from the studies: one that can't be
    opened or read is logged and skipped.
    """

    def __init__(self, places: Callable[[], Sequence[str]]) -> None:
        self._places = places
        self._opened: dict[str, Artifacts] = {}
        self._refused: set[str] = set()

    def open_reader(self, artifact_id: str) -> BinaryIO:
        for _, content in self._found(artifact_id):
            return content
        raise ArtifactNotFound(artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        self._reachable()[0].store.write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        for place, content in self._found(artifact_id):
            content.close()
            place.remove(artifact_id)

    def has(self, artifact_id: str) -> bool:
        """Whether one of the places has it."""
        try:
            self.open_reader(artifact_id).close()
        except ArtifactNotFound:
            return False
        return True

    def _found(self, artifact_id: str) -> Iterator[tuple[Artifacts, BinaryIO]]:
        """The places that have the artifact, each with the file opened."""
        for place in self._reachable():
            try:
                content = place.find(artifact_id)
            except ArtifactError as error:
                log.warning("%s", error)
                continue
            if content is not None:
                yield place, content

    def _reachable(self) -> list[Artifacts]:
        for place in self._places():
            if place in self._opened or place in self._refused:
                continue
            try:
                self._opened[place] = artifacts_at(place)
            except StorageError as error:
                log.warning("no artifacts are looked for in %r: %s", place, error)
                self._refused.add(place)
        return list(self._opened.values())


def artifacts_at(place: str) -> Artifacts:
    """The artifacts in a folder, which may be read-only, or under an s3:// URL.

    Raises:
        StorageError: it is neither, or what S3 needs is missing.
    """
    return open_artifacts(place) if "://" in place else Artifacts(FolderStore(Path(place)))
