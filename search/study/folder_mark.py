"""The mark in a study's folder: that the folder is a study's, and whose the work in it is.

Below a sentence for people, a line for each study that has had its files there: the first letters of its stamp, and
which database it is in. So work that is left of a deleted study can be told from that of a study in another database.
"""

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

MARK = ".search-study"
WORDS = "This folder was made by keras-image-search. Logs and unfinished work of the study {name!r} are in it.\n"
LINE = "stamp {stamp} database {database}\n"
OWNER = re.compile(r"^stamp ([0-9a-f]{16}) database ([0-9a-f]{16})$", re.MULTILINE)


def make_mark(root: Path, name: str) -> None:
    """Marks the folder as one of studies of that name."""
    (root / MARK).write_text(WORDS.format(name=name), encoding="utf-8")


def note_owner(root: Path, stamp: str, database: str) -> None:
    """Notes in the folder's mark, if it has one, that work of this stamp is of a study in that database.

    A mark that can't be written stays as it is: work whose owner isn't known is left alone.
    """
    with contextlib.suppress(OSError):
        if (root / MARK).is_file() and owners(root).get(stamp) != database:
            with (root / MARK).open("a", encoding="utf-8") as file:
                file.write(LINE.format(stamp=stamp, database=database))


def owners(root: Path) -> Mapping[str, str]:
    """The database of each stamp that the mark names; none without a mark."""
    try:
        text = (root / MARK).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return dict(OWNER.findall(text))


def rename_mark(root: Path, name: str) -> None:
    """Writes another name into the mark; its other lines stay."""
    noted = "".join(LINE.format(stamp=stamp, database=database) for stamp, database in owners(root).items())
    (root / MARK).write_text(WORDS.format(name=name) + noted, encoding="utf-8")
