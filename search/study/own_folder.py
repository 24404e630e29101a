"""The mark in a study's folder, which is created together with it.

An existing folder of the user with the same name is refused before anything is created: in a shared folder, our files
couldn't be distinguished from others.
"""

import os
from pathlib import Path

from search.datasets import DATASETS
from search.errors import UsageError
from search.study.folder_mark import MARK, make_mark, note_owner
from search.study.folders import STAMP_LETTERS, STORE, StudyFolder, study_root
from search.study.location import artifact_folder
from storage import Manifest, SharedStudy


def require_places(artifacts: Path | None, study_name: str, asked: Manifest, existing: Manifest | None) -> None:
    """Raises UsageError unless a study may have its files in the artifact folder, which is the manifest's
    unless one is given. `asked` is the requested manifest, `existing` that of an existing study.
    """
    folder = artifacts or artifact_folder(Path((existing or asked).artifacts), Path(asked.artifacts), study_name)
    data_dir = None if asked.data_dir is None else Path(asked.data_dir)
    require_usable(folder, study_name, existing)
    require_apart(folder, study_name, asked.dataset, data_dir)


def require_usable(artifacts: Path, study_name: str, existing: Manifest | None) -> None:
    """Raises UsageError if the study's folder exists and isn't a study's. Creates nothing.

    A study of a release without marks continues in its folder.
    """
    root = study_root(artifacts, study_name)
    if (existing is None or existing.folder_marked) and not is_free(root):
        raise UsageError(
            f"the folder {root} exists already, and isn't a study's: the files of the study {study_name!r} would get "
            "in among others. Give another --study-name or another folder with --artifacts; if it is left of an "
            "earlier release's study, move it away"
        )


def is_free(root: Path) -> bool:
    """Whether it may be a study's folder: it doesn't exist, is empty, or has the mark."""
    if not os.path.lexists(root):
        return True
    return root.is_dir() and ((root / MARK).is_file() or not any(root.iterdir()))


def require_apart(artifacts: Path, study_name: str, dataset: str, data_dir: Path | None) -> None:
    """Raises UsageError if the images are inside the study's folders, or the study's folder would be inside the images.

    `dataset` is a name or a path, `data_dir` the folder of those that have a name.
    """
    named = dataset in DATASETS
    images = data_dir if named else Path(dataset)
    if images is None:
        return
    images = images.resolve()
    for folder in (study_root(artifacts, study_name).resolve(), (artifacts / STORE).resolve()):
        inside = images.is_relative_to(folder)
        around = not named and images.is_dir() and folder.is_relative_to(images)
        if inside or around:
            where = "lie in" if inside else "lie around"
            raise UsageError(
                f"the images {images} {where} {folder}, a folder of the study's files: keep them apart, with another "
                "--artifacts or --study-name"
            )


def make_home(shared: SharedStudy, folder: StudyFolder) -> None:
    """Creates the folder of a study that a command has created or joined.

    Raises:
        UsageError: as `prepare`. A study that the command has created is removed: bad input leaves nothing.
    """
    try:
        prepare(folder, shared.manifest)
    except UsageError:
        if shared.created:
            shared.trials.storage.delete_study(shared.study_id)
        raise


def prepare(folder: StudyFolder, manifest: Manifest) -> None:
    """Creates the study's folder on this host, and marks it, unless it exists.

    Raises:
        UsageError: another folder of the name exists, or it can't be created.
    """
    require_usable(folder.artifacts, folder.study_name, manifest)
    root = folder.root
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not any(root.iterdir()):
            make_mark(root, folder.study_name)
    except OSError as error:
        raise UsageError(f"the study's folder {root} can't be made ({error}): give another with --artifacts") from error
    if folder.database is not None:
        note_owner(root, folder.stamp[:STAMP_LETTERS], folder.database)
