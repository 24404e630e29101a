"""Renaming a study: its folder and its record."""

from pathlib import Path

from search.errors import UsageError
from search.study.folder_mark import MARK, rename_mark
from search.study.folders import study_root
from search.study.study_name import require_study_name
from search.workers.join import study_folder
from storage import SharedStudy
from storage.renaming import rename_study


def rename(shared: SharedStudy, name: str) -> None:
    """Renames a study without active workers, and its folder on this host.

    Raises:
        UsageError: no study can have such a name, or something else has the folder's place.
        StorageUsageError: another study has the name.
    """
    require_study_name(name)
    folder = study_folder(shared, None)
    target = study_root(folder.artifacts, name)
    moves = (folder.root / MARK).is_file() and target != folder.root
    if moves and target.exists():
        raise UsageError(f"{target}, where the study's files would go, is there already: choose another name")
    if moves:
        move(folder.root, target, name)
    try:
        rename_study(shared, name)
    except BaseException:
        if moves:
            move(target, folder.root, shared.name)
        raise


def move(source: Path, target: Path, name: str) -> None:
    """Moves a study's folder, and writes the name into its mark."""
    source.rename(target)
    rename_mark(target, name)
