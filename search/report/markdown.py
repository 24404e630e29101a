"""The report as a few lines of Markdown, for a pull request."""

from search.design.answer_words import reading, remarks, verdicts
from search.design.result import ComparisonResult
from search.design.tables import comparison_headline
from search.design.text import tables
from search.report.provenance import Facts, comparison_provenance, provenance
from search.report.words import summary
from search.views.best_trials import best_trials_table
from search.views.facts import StudyFacts
from search.views.layout import TextTable
from search.views.lessons import lessons
from search.views.lessons_text import CAVEAT, HEAD, lesson_lines
from search.views.markdown import bullets, escaped, markdown_table, titled_table
from search.views.sentences import headline


def search_markdown(facts: StudyFacts) -> str:
    """Of a search: the summary, the best trials, and what they were made with."""
    top = best_trials_table(facts, facts.manifest.goal.label)
    return joined(
        f"### {escaped(facts.name)}",
        escaped(headline(facts)),
        bullets(summary(facts)),
        table_of(top),
        lessons_part(facts),
        made_with(provenance(facts)),
    )


def comparison_markdown(facts: StudyFacts, result: ComparisonResult) -> str:
    """Of a comparison: its verdicts, its tables, what must be said with them, and what it was made with."""
    return joined(
        f"### {escaped(facts.name)}",
        escaped(result.comparison.question),
        escaped(comparison_headline(result)),
        bullets([sentence.whole for sentence in verdicts(result)]),
        *map(titled_table, tables(result)),
        bullets([*remarks(result), reading(result)]),
        made_with(comparison_provenance(facts, result.comparison)),
    )


def joined(*parts: str) -> str:
    """The parts, less those that are empty."""
    return "\n\n".join(part for part in parts if part) + "\n"


def table_of(table: TextTable | None) -> str:
    """A table without its title; "" for none."""
    return "" if table is None else markdown_table(table.columns, table.rows)


def lessons_part(facts: StudyFacts) -> str:
    """What the trials say about each parameter."""
    lines = lesson_lines(lessons(facts.trials, facts.manifest.goal))
    return f"{HEAD}\n\n{bullets(lines)}\n\n{CAVEAT}" if lines else ""


def made_with(found: Facts) -> str:
    """The manifest, folded."""
    return f"<details><summary>Made with</summary>\n\n{markdown_table(('', ''), found)}\n\n</details>"
