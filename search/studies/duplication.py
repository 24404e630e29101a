"""Copying a study into another database, with the files that its trials have kept."""

import tempfile
from pathlib import Path

import msgspec

from search.errors import UsageError
from search.study.folders import StudyFolder, default_artifacts
from search.study.own_folder import prepare, require_places
from search.study.study_name import require_study_name
from search.workers.join import study_folder
from storage import SharedStudy, check_url, open_artifacts
from storage.copying import copy_study, require_new_name
from storage.errors import ArtifactError
from storage.fingerprint import fingerprint
from storage.url import parse


def copy(shared: SharedStudy, url: str, name: str, artifacts: Path | None) -> int:
    """Copies a study without active workers; its files go into the folder `artifacts`, that of the database unless
    given. Returns the number of files.

    Raises:
        UsageError, StorageUsageError: a study of that name is there, or the folder is that of the study itself.
        ArtifactError: a file can't be read or written; nothing is in the database then.
    """
    require_study_name(name)
    url = check_url(url)
    source, place = study_folder(shared, None), (artifacts or default_artifacts(url)).absolute()
    if place.resolve() == source.artifacts.resolve():
        raise UsageError(
            f"{place} has the files of the study that is copied, and either may remove its own: give the copy another "
            "folder with --artifacts"
        )
    manifest = msgspec.structs.replace(shared.manifest, artifacts=str(place), artifact_store=None, folder_marked=True)
    require_places(place, name, manifest, None)
    require_new_name(url, name)
    files = copy_files(shared, source, place)
    stamp = copy_study(shared, url, name, manifest)
    prepare(StudyFolder(place, name, stamp, database=fingerprint(parse(url))), manifest)
    return files


def copy_files(shared: SharedStudy, source: StudyFolder, place: Path) -> int:
    """Copies what the study keeps in its artifact store, under the same names; returns the number of files."""
    kept = [file.artifact_id for file in shared.kept.all() if file.stored]
    if not kept:
        return 0
    store = open_artifacts(source.store)
    target = open_artifacts(StudyFolder(place, shared.name, shared.key.stamp).store)
    with tempfile.TemporaryDirectory() as scratch:
        for artifact_id in kept:
            file = Path(scratch) / artifact_id
            store.fetch(artifact_id, file)
            try:
                target.put(artifact_id, file)
            except ArtifactError as error:  # which names the file in the scratch folder
                raise ArtifactError(f"the study's files can't be copied to {place}: {error.__cause__}") from error
            file.unlink()
    return len(kept)
