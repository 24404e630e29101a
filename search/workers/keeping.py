"""The files that a study keeps of its trials: only registered files are found and removed."""

import logging
from collections.abc import Iterable
from pathlib import Path

from optuna.trial import FrozenTrial

from search.study.folders import StudyFolder
from storage import SharedStudy, open_artifacts
from storage.errors import ArtifactError, StorageUsageError
from storage.records import KeptFile

log = logging.getLogger(__name__)

MODEL = "model.keras"


def kept_model(shared: SharedStudy, number: int) -> str | None:
    """The id of the model that the study has kept of a trial, None if it has kept none.

    The trial's own attributes aren't used: it may have been added to the study from elsewhere.
    """
    found = [file.artifact_id for file in shared.kept.of_trial(number) if file.filename == MODEL and file.stored]
    return found[0] if found else None


def kept_file(shared: SharedStudy, folder: StudyFolder, number: int, name: str) -> str | None:
    """The id of a trial's file of that name, None if it is yet to be kept. A store has files whole or not at all: one
    that is there is kept, also if the worker that stored it was killed before that was noted.

    Raises:
        ArtifactError, StorageUsageError: the store can't be looked into.
    """
    for file in shared.kept.of_trial(number):
        if file.filename == name and (file.stored or _is_whole(shared, folder, file)):
            return file.artifact_id
    return None


def _is_whole(shared: SharedStudy, folder: StudyFolder, file: KeptFile) -> bool:
    return open_artifacts(folder.store).has(file.artifact_id) and shared.kept.complete(file.artifact_id)


def keep_file(shared: SharedStudy, folder: StudyFolder, trial: FrozenTrial, path: Path, name: str) -> str:
    """Stores a file of a running trial; returns its id.

    Raises:
        ArtifactError, StorageUsageError: it can't be stored.
    """
    store = open_artifacts(folder.store)

    def announce(artifact_id: str) -> None:
        shared.kept.begin(artifact_id, trial.number, name)

    artifact_id = store.keep(trial, path, name, shared.trials.storage, announce=announce)
    if not shared.kept.complete(artifact_id):
        store.remove(artifact_id)
        raise ArtifactError(f"{path} isn't needed any more: another worker has finished the trial")
    return artifact_id


def remove_files(shared: SharedStudy, folder: StudyFolder, files: Iterable[KeptFile]) -> None:
    """Removes files from the store, and then from the register; failures are logged, and retried the next time."""
    wanted = list(files)
    if not wanted:
        return
    try:
        store = open_artifacts(folder.store)
        for file in wanted:
            store.remove(file.artifact_id)
            shared.kept.forget(file.artifact_id)
    except (ArtifactError, StorageUsageError) as error:
        log.warning("files of trials that aren't kept any more stay in %s: %s", folder.store, error)
