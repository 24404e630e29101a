"""Checkpoints in an artifact store, for hosts without a shared folder: stored after each epoch, fetched by
the worker that takes over the slot.
"""

import logging
from dataclasses import dataclass
from urllib.parse import quote

from search.study.folders import StudyFolder
from storage import Artifacts, open_artifacts
from storage.errors import ArtifactError
from storage.records import Lease

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckpointMirror:
    """The checkpoints of a study's slots in a store. Failures are logged: they cost epochs, never a trial."""

    folder: StudyFolder
    store: Artifacts

    def put(self, lease: Lease) -> None:
        """Copies this attempt's checkpoint into the store."""
        checkpoint = self.folder.checkpoint(lease.slot, lease.token)
        if not checkpoint.is_file():
            return  # the trainer couldn't write it, and has reported that
        try:
            self.store.put(self._name(lease.slot, lease.token), checkpoint)
        except ArtifactError as error:
            log.warning("slot %d: the checkpoint isn't in the store: %s", lease.slot, error)

    def fetch(self, lease: Lease) -> None:
        """Copies existing checkpoints of earlier attempts to the folder where the trainer looks for them."""
        for token in range(1, lease.token):
            checkpoint = self.folder.checkpoint(lease.slot, token)
            if checkpoint.is_file():
                continue
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.store.fetch(self._name(lease.slot, token), checkpoint)
            except ArtifactError as error:
                log.info("slot %d: attempt %d left no checkpoint in the store (%s)", lease.slot, token, error)

    def remove(self, slot: int, token: int) -> None:
        """Removes the checkpoints of a finished slot's attempts, up to that of the token, from the store."""
        for earlier in range(1, token + 1):
            try:
                self.store.remove(self._name(slot, earlier))
            except ArtifactError as error:
                log.warning("slot %d: a checkpoint stays in the store: %s", slot, error)

    def _name(self, slot: int, token: int) -> str:
        study = f"{quote(self.folder.study_name, safe='')}-{self.folder.stamp}"
        return f"checkpoint-{study}-{slot:05d}-{token}.npz"


def open_mirror(folder: StudyFolder) -> CheckpointMirror | None:
    """The study's mirror, None if its hosts share a folder."""
    return None if folder.remote is None else CheckpointMirror(folder, open_artifacts(folder.remote))
