"""The user's folder of traced programs: where it is, and what is in it.

A program in it is run as it is. So the folder, and each file, must be the user's own and closed to others
(private_folder.py).
"""

import contextlib
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from search.host.private_folder import make_folder

VARIABLE = "SEARCH_PROGRAM_CACHE"
OFF = "off"
EXECUTABLES = "jax"  # the folder, in that of programs, of what JAX has compiled; all in it is JAX' own
NAME = re.compile(r"[0-9a-f]{40}\.program")
EXECUTABLE = re.compile(r".+-cache")
PART = re.compile(r"\.[0-9a-f]{40}\.[0-9]+-[0-9]+\.part")


@dataclass(frozen=True)
class ProgramFile:
    """A file of the folder: its size in bytes, and when it was last used, in seconds since 1970."""

    path: Path
    size: int
    used: float


def program_folder() -> Path | None:
    """Where traced programs are to be kept: the folder that SEARCH_PROGRAM_CACHE names, else one in the user's cache
    folder. None if the variable is "off", or if the user has no home.
    """
    given = os.environ.get(VARIABLE, "")
    if given == OFF:
        return None
    if given:
        return Path(given).absolute()
    cache = _user_cache()
    return None if cache is None else cache / "keras-image-search" / "programs"


def program_files(folder: Path) -> list[ProgramFile]:
    """The programs in the folder, the one that was used last at the end; none if it can't be read."""
    return sorted(_files(folder, NAME), key=lambda file: (file.used, file.path.name))


def make_executables_folder(kind: str) -> Path | None:
    """The folder for executables of JAX on processors or devices of a kind, created if need be; None if there is none
    that may be used.
    """
    folder = program_folder()
    if folder is None:
        return None
    all_kinds = folder / EXECUTABLES
    of_kind = all_kinds / hashlib.sha256(kind.encode()).hexdigest()[:16]
    return of_kind if all(make_folder(one) is None for one in (folder, all_kinds, of_kind)) else None


def executable_files(folder: Path) -> list[ProgramFile]:
    """The executables of JAX in the folder of programs."""
    kinds = (folder / EXECUTABLES).glob("*/")
    return [file for kind in kinds for file in _files(kind, EXECUTABLE)]


def remove_programs(folder: Path) -> int:
    """Removes all programs and executables from the folder, and what interrupted processes have partly written. Other
    files stay.

    Returns how many programs and executables are gone.
    """
    for part in _files(folder, PART):
        _removed(part)
    executables = len(executable_files(folder))
    shutil.rmtree(folder / EXECUTABLES, ignore_errors=True)
    return executables + sum(map(_removed, _files(folder, NAME)))


def remove_parts(folder: Path, before: float) -> None:
    """Removes what interrupted processes have partly written, and not touched since `before`, in seconds since 1970."""
    for file in _files(folder, PART):
        if file.used < before:
            _removed(file)


def _files(folder: Path, names: re.Pattern[str]) -> Iterator[ProgramFile]:
    with contextlib.suppress(OSError):
        for path in list(folder.iterdir()):
            if names.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    found = path.lstat()
                    yield ProgramFile(path, found.st_size, found.st_mtime)


def _removed(file: ProgramFile) -> bool:
    try:
        file.path.unlink()
    except OSError:
        return False
    return True


def _user_cache() -> Path | None:
    """The user's cache folder by the XDG specification, or macOS' own."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given and Path(given).is_absolute():
        return Path(given)
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
