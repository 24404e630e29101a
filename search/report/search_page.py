"""The page of a search: what won, what the trials say of parameters, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.report.cells import Bar, Cell, PageTable, Scale, numeric_columns
from search.report.facts import StudyFacts
from search.report.page import render
from search.report.panels import panels
from search.report.provenance import provenance
from search.report.trials_table import trials_table
from search.report.words import headline, objective_name, question, summary
from search.study.configurations import trial_model
from search.views.importances import find_importances
from search.views.lessons import Lesson, lessons
from search.views.summary import TOP
from search.views.summary_text import number, range_text
from spaces.errors import SpaceError

SHARES = Scale(0.0, 1.0)


@dataclass(frozen=True)
class ChoiceLine:
    """One choice of a parameter: of how many trials with it how many are in the best quarter."""

    choice: str
    counts: str
    interval: str
    bar: Bar


@dataclass(frozen=True)
class LessonLines:
    """One parameter: its choices, or of a number the range of the best quarter."""

    parameter: str
    choices: tuple[ChoiceLine, ...]
    range: str


def search_page(facts: StudyFacts) -> str:
    """The whole page."""
    names = list(dict.fromkeys(name for trial in facts.trials for name in trial.params))
    return render(
        "search.html",
        panels(facts, find_importances(facts.frozen, facts.direction)),
        facts=facts,
        question=question(facts),
        headline=headline(facts),
        summary=summary(facts),
        lessons=lesson_table(lessons(facts.frozen, facts.manifest.goal)),
        top=top_table(facts),
        trials=trials_table(facts, names, lambda trial: [trial.params.get(name, "") for name in names]),
        provenance=provenance(facts),
        layers=layers(facts),
    )


def top_table(facts: StudyFacts) -> PageTable | None:
    """The best trials with their parameters."""
    top = facts.ranked[:TOP]
    if not top:
        return None
    names = list(dict.fromkeys(name for trial in top for name in trial.params))
    columns = ("trial", objective_name(facts), *names)
    texts = [
        [str(trial.number), f"{trial.value:.4f}", *(number(trial.params.get(name, "")) for name in names)]
        for trial in top
    ]
    rows = tuple(tuple(map(Cell, row)) for row in texts)
    return PageTable("Best trials", columns, rows, numeric_columns(columns, texts))


def lesson_table(found: Sequence[Lesson]) -> tuple[LessonLines, ...]:
    """What the trials say about each parameter."""
    return tuple(lesson_lines(lesson) for lesson in found if lesson.choices or lesson.best_range)


def lesson_lines(lesson: Lesson) -> LessonLines:
    """One parameter."""
    choices = tuple(
        ChoiceLine(
            choice=one.choice,
            counts=f"{one.best} of {one.n}",
            interval=f"{100 * one.low:.0f} to {100 * one.high:.0f} %",
            bar=SHARES.bar(one.low, one.share, one.high),
        )
        for one in lesson.choices
    )
    return LessonLines(lesson.parameter, choices, range_text(lesson.best_range) if lesson.best_range else "")


def layers(facts: StudyFacts) -> str:
    """The layers of the best trial's model, drawn as text; empty where the space builds a model of its own, or where an
    earlier release didn't store what it trained.
    """
    best = facts.best
    frozen = next((trial for trial in facts.frozen if best is not None and trial.number == best.number), None)
    if frozen is None:
        return ""
    try:
        return trial_model(facts.manifest, frozen).layers or ""
    except SpaceError:
        return ""
