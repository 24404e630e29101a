"""From a study to its report in a file, or as text."""

from pathlib import Path

from search.design.stored_result import comparison_of
from search.host.atomic_file import write_text
from search.report.comparison_page import comparison_page
from search.report.markdown import comparison_markdown, search_markdown
from search.report.output import Format
from search.report.search_page import search_page
from search.views.facts import gather_facts
from storage import SharedStudy


def make_report(shared: SharedStudy, format_: Format, output: Path | None) -> str | None:
    """Writes the report to the file; or returns it, where no file was named.

    Raises:
        UsageError: the file can't be written.
        StorageUnreachable: the database doesn't answer.
    """
    text = page_of(shared) if format_ == "html" else markdown_of(shared)
    if output is None:
        return text
    write_text(output, text)
    return None


def page_of(shared: SharedStudy) -> str:
    """The page of a search, or of a comparison."""
    facts, result = gather_facts(shared), comparison_of(shared)
    return search_page(facts) if result is None else comparison_page(facts, result)


def markdown_of(shared: SharedStudy) -> str:
    """The same in Markdown."""
    facts, result = gather_facts(shared), comparison_of(shared)
    return search_markdown(facts) if result is None else comparison_markdown(facts, result)
