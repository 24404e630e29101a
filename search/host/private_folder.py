"""Folders that are the user's own and closed to others: what is in them can be trusted."""

import contextlib
import os
import stat
from pathlib import Path

PRIVATE = 0o700
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def why_unusable(folder: Path) -> str | None:
    """Why what is in the folder can't be trusted, or none can be put there; None if it is fine, or can be made."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"it can't be examined: {error.strerror}"
    if not stat.S_ISDIR(found.st_mode):
        return "it isn't a folder"
    if found.st_uid != os.geteuid():
        return "it belongs to another user"
    if found.st_mode & OTHERS:
        return f"others may use it: chmod 700 {folder}"
    return None


def make_folder(folder: Path) -> str | None:
    """Creates the folder, closed to others, unless it exists. Returns why it can't be used, None if it can."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=PRIVATE)
    except OSError as error:
        return f"it can't be created: {error.strerror}"
    return why_unusable(folder)
