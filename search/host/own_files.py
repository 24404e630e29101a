"""Removes files that this program has created, and nothing else.

A path doesn't say who created a file. So files are removed by the exact names that this program gives them, and folders
only if they are empty: other files next to ours stay, and so do their folders.
"""

import contextlib
import re
from pathlib import Path


def remove_files(folder: Path, ours: re.Pattern[str]) -> None:
    """Removes the files in the folder whose full names match, and the folder if it is then empty.

    Files that can't be removed stay.
    """
    with contextlib.suppress(OSError):
        for path in list(folder.iterdir()):
            if ours.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    path.unlink()
    remove_empty(folder)


def remove_empty(folder: Path) -> None:
    """Removes the folder if there is nothing in it."""
    with contextlib.suppress(OSError):
        folder.rmdir()
