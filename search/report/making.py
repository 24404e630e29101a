"""From a study to its report in a file, or as text."""

from pathlib import Path
from typing import Literal

from search.atomic_file import require_place, write_text
from search.report.comparisons import comparisons_of
from search.report.facts import gather_facts
from search.report.markdown import as_markdown
from search.report.page import as_page
from storage import SharedStudy

DEFAULT_PAGE = Path("report.html")


def make_report(shared: SharedStudy, format_: Literal["html", "md"], output: Path | None) -> str | None:
    """Writes the report to the file; or returns it, where it is Markdown and no file was named.

    Raises:
        UsageError: the file can't be written.
        StorageUnreachable: the database doesn't answer.
    """
    target = output or (DEFAULT_PAGE if format_ == "html" else None)
    if target is not None:
        require_place(target)
    facts, comparisons = gather_facts(shared), comparisons_of(shared)
    text = as_page(facts, comparisons) if format_ == "html" else as_markdown(facts, comparisons)
    if target is None:
        return text
    write_text(target, text)
    return None
