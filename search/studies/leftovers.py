"""Files that no study needs any more: found by what the studies and the marks of folders say, removed by their names.

    a file of the artifact store that was never stored completely, of a trial that is settled
    the checkpoints of a finished slot
    the decoded images of a study that is over
    what a deleted study has left: its stamp is in the mark of the folder as one of this database, which doesn't have it

Work of another database, or of one that the mark doesn't name, is listed and stays.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from search.studies.removal import remove_own_folder
from search.study.alive import is_alive
from search.study.folder_mark import MARK, owners
from search.study.folders import SLOT_FILES, STAMP_LETTERS, StudyFolder, default_artifacts, study_root
from search.workers.join import study_folder
from search.workers.keeping import remove_files as remove_kept_files
from storage import SharedStudy, check_url, open_study, study_names
from storage.errors import NotAStudyDatabase, SchemaTooNew, StudyNotFound
from storage.fingerprint import fingerprint
from storage.study import study_stamps
from storage.url import parse

Kind = Literal["incomplete file", "finished trial", "decoded images", "deleted study"]
STAMPED = re.compile(rf"[0-9a-f]{{{STAMP_LETTERS}}}")
SLOT = re.compile(r"\d{5,}")


@dataclass(frozen=True)
class Leftover:
    """Something that no study needs: what it is, of which study, where, and its size on this host in bytes."""

    kind: Kind
    study: str
    path: str
    bytes: int


@dataclass(frozen=True)
class Unclear:
    """Work that may be of a study in another database: it stays."""

    path: str
    bytes: int


@dataclass(frozen=True)
class Leftovers:
    """All that was found."""

    found: tuple[Leftover, ...]
    unclear: tuple[Unclear, ...]

    @property
    def bytes(self) -> int:
        """The size of what no study needs."""
        return sum(one.bytes for one in self.found)


def collect(storage: str, artifacts: Path | None, *, remove: bool) -> Leftovers:
    """What no study of the database needs, in the artifact folders of its studies and in the folder `artifacts`;
    it is removed if `remove`.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    found, places = list[Leftover](), {default_artifacts(check_url(storage, write=False)).absolute()}
    places |= set() if artifacts is None else {artifacts.absolute()}
    for name in study_names(storage):
        try:
            with open_study(storage, name, only_look=not remove) as shared:
                folder = study_folder(shared, None)
                places.add(folder.artifacts)
                found += of_study(shared, folder, remove=remove)
        except (StudyNotFound, NotAStudyDatabase, SchemaTooNew):
            continue  # it was deleted meanwhile, or can't be read: its stamp still protects its folder
    deleted, unclear = of_no_study(storage, sorted(places), remove=remove)
    return Leftovers((*found, *deleted), tuple(unclear))


def of_study(shared: SharedStudy, folder: StudyFolder, *, remove: bool) -> list[Leftover]:
    """What the study doesn't need any more."""
    found = list[Leftover]()
    incomplete = shared.kept.broken_off()
    for file in incomplete:
        size = 0 if folder.remote else sum(map(size_of, folder.models.glob(f"{file.artifact_id}*")))
        found.append(Leftover("incomplete file", shared.name, f"{folder.store}/{file.artifact_id}", size))
    settled = [slot.slot for slot in shared.ledger.slots() if slot.confirmed]
    left = {number: own for number in settled if (own := own_files(folder.slot(number)))}
    for number, own in left.items():
        found.append(Leftover("finished trial", shared.name, str(folder.slot(number)), sum(map(size_of, own))))
    images = decoded_images(folder) if is_over(shared) else []
    if images:
        found.append(Leftover("decoded images", shared.name, str(folder.root), sum(map(size_of, images))))
    if remove:
        remove_kept_files(shared, folder, incomplete)
        for number in left:
            folder.clear_slot(number)
        if images:
            folder.remove_images()
        folder.remove_empty()
    return found


def is_over(shared: SharedStudy) -> bool:
    """Whether all trials are finished and no worker is there."""
    counts = shared.ledger.counts()
    return counts.finished == counts.total and not any(map(is_alive, shared.workers.all()))


def of_no_study(storage: str, places: Iterable[Path], *, remove: bool) -> tuple[list[Leftover], list[Unclear]]:
    """What deleted studies have left in these folders, and what may be of studies in other databases."""
    folders = [folder for place in places for folder in marked_folders(place)]
    # Read after the folders: a study has its stamp in the database before it has a folder.
    here, stamps, names = fingerprint(parse(storage, write=False)), study_stamps(storage), study_names(storage)
    alive = {stamp[:STAMP_LETTERS] for stamp in stamps}
    found, unclear = list[Leftover](), list[Unclear]()
    for folder in folders:
        noted, work = owners(folder.root), [path for path in stamped(folder) if path.name not in alive]
        ours = [path for path in work if noted.get(path.name) == here]
        found += [Leftover("deleted study", folder.study_name, str(path), size_under(path)) for path in ours]
        unclear += [Unclear(str(path), size_under(path)) for path in work if path not in ours]
        abandoned = folder.study_name not in names and set(noted.values()) == {here} and not alive & noted.keys()
        if abandoned and folder.logs.is_dir():
            found.append(Leftover("deleted study", folder.study_name, str(folder.logs), size_under(folder.logs)))
        if remove:
            for path in ours:
                remove_work(replace(folder, stamp=path.name))
            if abandoned:
                remove_own_folder(folder)
    return found, unclear


def marked_folders(artifacts: Path) -> Iterator[StudyFolder]:
    """The folders of studies in an artifact folder; their stamps are yet to be looked for."""
    for mark in sorted(artifacts.glob(f"*/{MARK}")):
        name = unquote(mark.parent.name)
        if study_root(artifacts, name) == mark.parent and not mark.parent.is_symlink():
            yield StudyFolder(artifacts, name, "")


def stamped(folder: StudyFolder) -> Iterator[Path]:
    """The folders in it that are named by stamps."""
    for path in sorted(folder.root.iterdir()):
        if STAMPED.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            yield path


def remove_work(folder: StudyFolder) -> None:
    """Removes the checkpoints and decoded images of a study that isn't there; other files stay, and so does a folder
    that has any.
    """
    for path in (folder.root / folder.stamp / "slots").glob("*"):
        if SLOT.fullmatch(path.name):
            folder.clear_slot(int(path.name))
    folder.remove_images()
    folder.remove_empty()


def decoded_images(folder: StudyFolder) -> list[Path]:
    """The files of decoded images."""
    return [path for path in (folder.root / folder.stamp[:STAMP_LETTERS] / "images").rglob("*") if path.is_file()]


def own_files(slot: Path) -> list[Path]:
    """The files in a slot's folder that this program has made."""
    return [path for path in slot.glob("*") if SLOT_FILES.fullmatch(path.name)]


def size_under(folder: Path) -> int:
    """The size in bytes of all files under a folder."""
    return sum(map(size_of, folder.rglob("*")))


def size_of(path: Path) -> int:
    """A file's size in bytes, 0 for anything else and for what is gone."""
    try:
        return path.stat().st_size if path.is_file() and not path.is_symlink() else 0
    except OSError:
        return 0
