"""The report as a few lines of Markdown, for a pull request."""

from collections.abc import Sequence

from search.report.comparisons import Comparison
from search.report.facts import StudyFacts
from search.report.panels.answers import verdicts
from search.report.provenance import provenance
from search.report.words import headline, lesson_lines, objective_name, summary
from search.views.markdown import escaped
from search.views.summary import TOP
from search.views.summary_text import number


def as_markdown(facts: StudyFacts, comparisons: Sequence[Comparison]) -> str:
    """The summary, the best trials, and what they were made with."""
    parts = [
        f"### {escaped(facts.name)}",
        escaped(headline(facts)),
        bullets(summary(facts)),
        best_trials(facts),
        lessons_part(facts),
        *(f"**{escaped(one.question)}**\n\n{bullets(verdicts(one.answer))}" for one in comparisons),
        made_with(facts),
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


def made_with(facts: StudyFacts) -> str:
    """The manifest, folded."""
    rows = [[name, escaped(value)] for name, value in provenance(facts)]
    return f"<details><summary>Made with</summary>\n\n{table(['', ''], rows)}\n\n</details>"
