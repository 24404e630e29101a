"""The page of a search: what won, what the trials say of parameters, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.report.cells import Bar, Scale, page_table
from search.report.page import render
from search.report.provenance import provenance
from search.report.trials_table import trials_table
from search.report.words import question, summary
from search.study.configurations import trial_model
from search.views.best_trials import best_trials_table
from search.views.facts import StudyFacts
from search.views.importances import Importances, find_importances
from search.views.lessons import Lesson, lessons
from search.views.lessons_text import CAVEAT, HEAD, range_text
from search.views.panels.choices import choices_panel
from search.views.panels.confusion import confusion_panel
from search.views.panels.contours import contours_panel
from search.views.panels.curves import curves_panel
from search.views.panels.history import history_panel
from search.views.panels.importances import importances_panel
from search.views.panels.race import race_panel
from search.views.panels.slices import slices_panel
from search.views.panels.timeline import timeline_panel
from search.views.plots import Panel
from search.views.sentences import headline
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
    top = best_trials_table(facts, facts.manifest.goal.label)
    return render(
        "search.html",
        panels(facts, find_importances(facts.completed, facts.direction)),
        facts=facts,
        question=question(facts.manifest),
        headline=headline(facts),
        summary=summary(facts),
        lessons=lesson_table(lessons(facts.trials, facts.manifest.goal)),
        lessons_head=HEAD,
        lessons_caveat=CAVEAT,
        top=None if top is None else page_table(top),
        trials=trials_table(facts, names, lambda trial: [trial.params.get(name, "") for name in names]),
        provenance=provenance(facts),
        layers=layers(facts),
    )


def panels(facts: StudyFacts, found: Importances) -> tuple[Panel, ...]:
    """The figures, in the order of the page; `found` are the importances of the study's parameters."""
    every = (
        race_panel(facts.answer, facts.manifest.goal, facts.counts.finished),
        history_panel(facts),
        curves_panel(facts),
        confusion_panel(facts),
        importances_panel(found),
        choices_panel(facts, found),
        slices_panel(facts, found),
        contours_panel(facts, found),
        timeline_panel(facts),
    )
    return tuple(panel for panel in every if panel is not None)


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
    if facts.best is None:
        return ""
    try:
        return trial_model(facts.manifest, facts.best.frozen).layers or ""
    except SpaceError:
        return ""
