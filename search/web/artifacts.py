"""The artifacts of all studies of a database as one store, wherever each study keeps its own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from optuna.artifacts.exceptions import ArtifactNotFound

from storage import open_artifacts
from storage.artifacts import FolderStore, Store


class FoundArtifacts:
    """Looks for an artifact in each of the places, which are asked for anew: studies are added while we look.

    `places` gives folders and s3:// URLs; the first takes what is written.
    """

    def __init__(self, places: Callable[[], Sequence[str]]) -> None:
        self._places = places
        self._opened: dict[str, Store] = {}

    def open_reader(self, artifact_id: str) -> BinaryIO:
        for store in self._stores():
            try:
                return store.open_reader(artifact_id)
            except ArtifactNotFound:
                continue
        raise ArtifactNotFound(artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        self._stores()[0].write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        for store in self._stores():
            try:
                store.remove(artifact_id)
            except ArtifactNotFound:
                continue

    def has(self, artifact_id: str) -> bool:
        """Whether one of the places has it."""
        try:
            self.open_reader(artifact_id).close()
        except ArtifactNotFound:
            return False
        return True

    def _stores(self) -> list[Store]:
        for place in self._places():
            if place not in self._opened:
                self._opened[place] = store_at(place)
        return list(self._opened.values())


def store_at(place: str) -> Store:
    """The store in a folder, which may be one that can only be read, or under an s3:// URL."""
    return open_artifacts(place).store if "://" in place else FolderStore(Path(place))
