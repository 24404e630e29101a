"""From a study to its report in a file, or as text."""

from pathlib import Path
from typing import Literal

from search.atomic_file import require_place, write_text
from search.report.comparison_page import comparison_page
from search.report.comparisons import comparison_of
from search.report.facts import gather_facts
from search.report.markdown import comparison_markdown, search_markdown
from search.report.search_page import search_page
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
    text = page_of(shared) if format_ == "html" else markdown_of(shared)
    if target is None:
        return text
    write_text(target, text)
    return None


def page_of(shared: SharedStudy) -> str:
    """The page of a search, or of a comparison."""
    facts, result = gather_facts(shared), comparison_of(shared)
    return search_page(facts) if result is None else comparison_page(facts, result)


def markdown_of(shared: SharedStudy) -> str:
    """The same in Markdown."""
    facts, result = gather_facts(shared), comparison_of(shared)
    return search_markdown(facts) if result is None else comparison_markdown(facts, result)
