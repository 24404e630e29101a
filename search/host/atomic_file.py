"""Output files, written completely or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from search.errors import UsageError


def require_place(path: Path) -> None:
    """Raises UsageError unless a file of that name can be written; called before any work is done for it."""
    folder = path.absolute().parent
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it, such as {path / 'report.html'}")
    if not folder.is_dir():
        raise UsageError(f"the folder {folder} doesn't exist: create it, or name another file with -o")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"the folder {folder} can't be written: name another file with -o")


def require_ending(path: Path, *endings: str, what: str) -> None:
    """Raises UsageError unless the file has the suffix of `what`."""
    if path.suffix.lower() not in endings:
        raise UsageError(f"-o {path}: {what} ends in {' or '.join(endings)}, such as {path.stem or 'file'}{endings[0]}")


def require_new(paths: Iterable[Path], *, force: bool) -> None:
    """Raises UsageError if one of the files exists and may not be overwritten."""
    there = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if there and not force:
        exist = "exists" if len(there) == 1 else "exist"
        raise UsageError(f"{', '.join(there)} {exist} already: give --force to overwrite, or another -o")


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path next to `path`, with its suffix; it replaces `path` if the block ends without an error.

    Raises:
        UsageError: it can't be written there, or the disk is full; an existing file is unchanged.
    """
    require_place(path)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.absolute().parent) as scratch:
        part = Path(scratch) / path.name
        try:
            yield part
            part.replace(path)
        except OSError as error:
            raise UsageError(f"{path} can't be written: {error.strerror or error}") from error


@contextlib.contextmanager
def written_together() -> Iterator[Callable[[Path], Path]]:
    """Gives a temporary path for each of several files that belong together: if the block ends without an error, all of
    them replace what was there, else none does.

    Raises:
        UsageError: as `written_whole` does, with the file that couldn't be written.
    """
    with contextlib.ExitStack() as parts:
        yield lambda path: parts.enter_context(written_whole(path))


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically; raises UsageError as `written_whole` does."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")
