"""Where a report goes, and in which of its formats: the file's ending says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from search.errors import UsageError
from search.host.atomic_file import require_ending, require_new, require_place

Format = Literal["html", "md"]

DEFAULT_PAGE = Path("report.html")
ENDINGS: Mapping[str, Format] = MappingProxyType({".html": "html", ".htm": "html", ".md": "md", ".markdown": "md"})


@dataclass(frozen=True)
class Output:
    """The file, None for standard output, and the format."""

    path: Path | None
    format_: Format


def chosen_output(path: Path | None, format_: Format | None, *, force: bool) -> Output:
    """Where to write what, by what was asked for.

    Raises:
        UsageError: the file's ending is that of something else, it can't be written, or it is there already.
    """
    if path is None:
        path = None if format_ == "md" else DEFAULT_PAGE
    if path is None:
        return Output(None, "md")
    if not path.is_dir():
        require_ending(path, *ENDINGS, what="a report")
    require_place(path)
    by_name = ENDINGS[path.suffix.lower()]
    if format_ not in (None, by_name):
        raise UsageError(
            f"-o {path} isn't a file for --format {format_}: leave --format out, or give the file another ending"
        )
    require_new([path], force=force)
    return Output(path, by_name)
