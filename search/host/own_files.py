"""Removing what this program has made, and nothing else.

A path says nothing about who made what lies there. So files are removed by the exact names that this program gives
them, and folders once they are empty: a file that somebody has put next to ours stays, and so does its folder.
"""

import contextlib
import re
from pathlib import Path


def remove_files(folder: Path, ours: re.Pattern[str]) -> None:
    """Removes those files of the folder whose whole names match, and the folder if that has left it empty.

    What can't be removed stays.
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
