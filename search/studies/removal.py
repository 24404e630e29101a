"""Deleting a study: its files first, then its records. Other files stay, and are listed."""

import re
from pathlib import Path

from search.errors import UsageError
from search.host.own_files import remove_empty, remove_files
from search.study.alive import is_alive
from search.study.folder_mark import MARK
from search.study.folders import StudyFolder
from search.study.kept_space import remove_kept_space
from search.workers.join import study_folder
from search.workers.keeping import remove_files as remove_kept_files
from storage import SharedStudy
from storage.errors import StorageUnreachable

LOGS = re.compile(r"(worker|trainer)-[\w.-]+\.log")
LOGS_OF_JOBS = re.compile(r"(slurm|ray)-[\w.-]+\.log")


def require_no_active_workers(shared: SharedStudy) -> None:
    """Raises UsageError, with where they are, if workers of the study are active."""
    active = [worker.info for worker in shared.workers.all() if is_alive(worker)]
    if active:
        places = ", ".join(f"{worker.host} (process {worker.pid})" for worker in active)
        raise UsageError(
            f"{len(active)} active worker{'' if len(active) == 1 else 's'} of {shared.name!r}: {places}. Stop them "
            f"first: python -m search.stop --study-name {shared.name}"
        )


def delete_study(shared: SharedStudy, standing: Path | None = None) -> Path | None:
    """Deletes the study with all its files; returns the folder if other files are left in it.

    Empty folders go up to `standing`, which stays; without it, up to the folder of artifacts.

    Raises:
        StorageUnreachable: its files can't be removed, or the database doesn't answer. Running it again continues.
    """
    folder = study_folder(shared, None)
    remove_kept_files(shared, folder, shared.kept.all())
    if left := shared.kept.all():
        raise StorageUnreachable(
            f"{len(left)} files of {shared.name!r} in {folder.store} can't be removed: the study stays until they can"
        )
    for slot in shared.ledger.slots():
        folder.clear_slot(slot.slot)
    folder.remove_empty()
    folder.remove_images()
    remove_kept_space(folder, shared.manifest)
    remove_own_folder(folder, standing)
    shared.trials.storage.delete_study(shared.study_id)
    return folder.root if folder.root.exists() else None


def remove_own_folder(folder: StudyFolder, standing: Path | None = None) -> None:
    """Removes the logs and the folder itself, unless something else is in it; its mark stays as long as it does.

    `standing` is as in `delete_study`.
    """
    remove_files(folder.logs, LOGS)
    remove_files(folder.jobs, LOGS_OF_JOBS)
    if folder.root.is_dir() and [path.name for path in folder.root.iterdir()] == [MARK]:
        (folder.root / MARK).unlink()
        remove_empty(folder.root)
    remove_empty(folder.models)
    for place in new_folders(folder.artifacts, standing):
        remove_empty(place)


def new_folders(artifacts: Path, standing: Path | None) -> list[Path]:
    """The folder of artifacts and those above it that were made for it, the innermost first."""
    if standing is None or not artifacts.is_relative_to(standing):
        return [artifacts]
    return [place for place in (artifacts, *artifacts.parents) if place.is_relative_to(standing) and place != standing]
