"""The report as a few lines of Markdown, for a pull request."""

from collections.abc import Sequence

from search.design.result import Result
from search.design.tables import headline as comparison_headline
from search.design.text import as_markdown_table, tables
from search.report.answer_words import reading, remarks, verdicts
from search.report.facts import StudyFacts
from search.report.provenance import Facts, comparison_provenance, provenance
from search.report.words import headline, lesson_lines, objective_name, summary
from search.views.markdown import escaped
from search.views.summary import TOP
from search.views.summary_text import number


def search_markdown(facts: StudyFacts) -> str:
    """Of a search: the summary, the best trials, and what they were made with."""
    parts = [
        f"### {escaped(facts.name)}",
        escaped(headline(facts)),
        bullets(summary(facts)),
        best_trials(facts),
        lessons_part(facts),
        made_with(provenance(facts)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def comparison_markdown(facts: StudyFacts, result: Result) -> str:
    """Of a comparison: its verdicts, its tables, what must be said with them, and what it was made with."""
    parts = [
        f"### {escaped(facts.name)}",
        escaped(result.comparison.question),
        escaped(comparison_headline(result)),
        bullets([sentence.whole for sentence in verdicts(result)]),
        *map(as_markdown_table, tables(result)),
        bullets([*remarks(result), reading(result)]),
        made_with(comparison_provenance(facts, result.comparison)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def bullets(lines: Sequence[str]) -> str:
    """A list."""
    return "\n".join(f"- {escaped(line)}" for line in lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def best_trials(facts: StudyFacts) -> str:
    """The best trials with their parameters."""
    top = facts.ranked[:TOP]
    if not top:
        return ""
    names = list(dict.fromkeys(name for trial in top for name in trial.params))
    rows = [
        [
            str(trial.number),
            f"{trial.value:.4f}",
            *(escaped(number(trial.params[name])) if name in trial.params else "" for name in names),
        ]
        for trial in top
    ]
    return table(["trial", objective_name(facts), *map(escaped, names)], rows)


def lessons_part(facts: StudyFacts) -> str:
    """What the trials say about each parameter."""
    lines = lesson_lines(facts)
    if not lines:
        return ""
    head = (
        "Of the trials with a choice, how many are in the best quarter (95 % interval of the share): hints, no proof."
    )
    return f"{head}\n\n{bullets(lines)}"


def made_with(found: Facts) -> str:
    """The manifest, folded."""
    rows = [[name, escaped(value)] for name, value in found]
    return f"<details><summary>Made with</summary>\n\n{table(['', ''], rows)}\n\n</details>"
