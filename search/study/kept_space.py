"""The source of a user's own space, kept with the study: a host without the file can run it, if it may.

It is text, a JSON document with the files that count in the space's fingerprint. Nothing of it is run before that
fingerprint, which the manifest has, was computed from the files again.
"""

import logging
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import msgspec

from search.errors import UsageError
from search.study.folders import StudyFolder
from spaces.errors import SpaceError
from spaces.fingerprint import fingerprint, own_files
from spaces.loading import source_of_file
from storage import Manifest, open_artifacts
from storage.errors import ArtifactError, StorageUsageError

log = logging.getLogger(__name__)

MOST_BYTES = 20_000_000


class KeptSpace(msgspec.Struct, frozen=True):
    """A space's file, and the files next to it that it imports, by their paths from its folder. `main` is its name."""

    main: str
    files: dict[str, bytes]


def own_space_file(ref: str) -> tuple[Path, str] | None:
    """The file and the name of a space in a manifest; None for one of ours, or of an installed package."""
    place, _, name = ref.rpartition(":")
    return (Path(place), name) if place.endswith(".py") else None


def artifact_name(stamp: str) -> str:
    """The name of the source in the artifact store."""
    return f"space-{stamp}.json"


def keep_space(folder: StudyFolder, manifest: Manifest) -> None:
    """Keeps the source of the study's space, unless it is one of ours or of an installed package. Failing to is logged:
    hosts that have the file don't need it.
    """
    own = own_space_file(manifest.space)
    if own is None:
        return
    source = source_of_file(own[0])
    files = {path.as_posix(): (source.root / path).read_bytes() for path in own_files(source)}
    document = msgspec.json.encode(KeptSpace(source.path.name, files))
    if len(document) > MOST_BYTES:
        log.warning("the source of the space isn't kept with the study: it has %d bytes", len(document))
        return
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "space.json"
        path.write_bytes(document)
        try:
            open_artifacts(folder.store).put(artifact_name(folder.stamp), path)
        except (ArtifactError, StorageUsageError) as error:
            log.warning("the source of the space isn't kept with the study: %s", error)


def remove_kept_space(folder: StudyFolder, manifest: Manifest) -> None:
    """Removes what is kept of the study's own space; nothing isn't an error."""
    if own_space_file(manifest.space) is None:
        return
    try:
        open_artifacts(folder.store).remove(artifact_name(folder.stamp))
    except (ArtifactError, StorageUsageError) as error:
        log.warning("the source of the space stays in the artifact store: %s", error)


def is_missing(manifest: Manifest) -> bool:
    """Whether the space is the user's own, and its file isn't on this host, or is another one."""
    own = own_space_file(manifest.space)
    if own is None:
        return False
    try:
        return fingerprint(source_of_file(own[0])) != manifest.space_fingerprint
    except (SpaceError, OSError):
        return True


def unpacked_space(folder: StudyFolder, manifest: Manifest, until: ExitStack) -> str:
    """The reference to the study's own space, as its kept source, in a folder that is removed when `until` closes.

    Raises:
        UsageError: no source is kept, or it isn't the one that the study was created with; nothing of it was run.
    """
    own = own_space_file(manifest.space)
    if own is None:
        raise UsageError(f"the space {manifest.space} isn't a file, and no source of it is kept: install its package")
    where = Path(until.enter_context(tempfile.TemporaryDirectory(prefix="search-space-"))).resolve()
    kept = fetched(folder, where / "kept.json")
    home = where / "source"
    for name, text in kept.files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    source = source_of_file(home / kept.main)
    counted = {path.as_posix() for path in own_files(source)}
    if counted != set(kept.files) or fingerprint(source) != manifest.space_fingerprint:
        raise UsageError(
            f"the source that is kept in {folder.store} isn't that of the study's space, or this release's axes are "
            "others than the study's: nothing of it was run. Give the path of the space's file here with --space"
        )
    require_free(set(kept.files) - {kept.main})
    until.callback(forget, home)
    return f"{source.path}:{own[1]}"


def fetched(folder: StudyFolder, path: Path) -> KeptSpace:
    """What is kept of the study's space.

    Raises:
        UsageError: nothing is, or it is damaged.
    """
    try:
        open_artifacts(folder.store).fetch(artifact_name(folder.stamp), path)
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"the source of the space that is kept in {folder.store} is too large")
        kept = msgspec.json.decode(path.read_bytes(), type=KeptSpace)
    except (ArtifactError, StorageUsageError) as error:
        raise UsageError(
            f"no source of the study's space is kept in {folder.store}: {error}. Give the path of its file here with "
            "--space, or run the launch again, which keeps it"
        ) from error
    except msgspec.DecodeError as error:
        raise UsageError(f"the source of the space that is kept in {folder.store} is damaged: {error}") from error
    if kept.main not in kept.files or not all(map(is_plain, kept.files)):
        raise UsageError(f"the source of the space that is kept in {folder.store} has files of other places")
    return kept


def require_free(names: Iterable[str]) -> None:
    """Raises UsageError if this process would import other modules than these files: those of the same names."""
    for module in sorted({PurePosixPath(name).parts[0].removesuffix(".py") for name in names}):
        found = sys.modules.get(module) or find_spec(module)
        if found is not None:
            raise UsageError(
                f"the study's space imports a file {module}.py that is kept with it, and a module of that name is on "
                "this host already: rename the file, and search in a study of another --study-name"
            )


def is_plain(name: str) -> bool:
    """Whether a path is one of a Python file in the folder or below it."""
    path = PurePosixPath(name)
    return (
        path.suffix == ".py"
        and not path.is_absolute()
        and ".." not in path.parts
        and "\\" not in name
        and ":" not in name
        and "\0" not in name
    )


def forget(home: Path) -> None:
    """Has this process forget the modules of a folder: another study's space may have modules of the same names."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).is_relative_to(home):
            del sys.modules[name]
    sys.path[:] = [place for place in sys.path if place != str(home)]
