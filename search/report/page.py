"""The report as one HTML page: figures, table, style and scripts inside, nothing from the network.

Whatever comes from the study is escaped: by Jinja in the page, by `plain` in figures. Should that ever fail, the page's
own security policy lets no script run but the two that are meant, and nothing be asked for.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from search.report.comparisons import Comparison
from search.report.facts import StudyFacts, TrialFacts
from search.report.panels import panels
from search.report.panels.importances import find_importances
from search.report.plots import Panel
from search.report.provenance import provenance
from search.report.words import headline, lesson_lines, objective_name, summary
from search.study.configurations import trial_model
from search.views.summary import TOP
from search.views.summary_text import number
from spaces import BUILT_IN, resolve
from spaces.errors import SpaceError

PACKAGE = "search.report"


@dataclass(frozen=True)
class TableRow:
    """A trial in the table: the texts of its cells, and what they are sorted by."""

    number: int
    state: str
    cells: tuple[tuple[str, str], ...]


def as_page(facts: StudyFacts, comparisons: Sequence[Comparison]) -> str:
    """The whole page."""
    found = panels(facts, comparisons, find_importances(facts))
    names = list(dict.fromkeys(name for trial in facts.trials for name in trial.params))
    top = facts.ranked[:TOP]
    plotly, script = get_plotlyjs(), resource("page.js")
    return (
        environment()
        .get_template("page.html")
        .render(
            facts=facts,
            question=question(facts),
            headline=headline(facts),
            summary=summary(facts),
            lessons=lesson_lines(facts),
            top=top,
            top_names=list(dict.fromkeys(name for trial in top for name in trial.params)),
            objective=objective_name(facts),
            panels=found,
            figures=figures_json(found),
            columns=(
                "trial",
                "state",
                objective_name(facts),
                "epochs",
                "seconds",
                "attempts",
                *names,
                "worker",
                "reason",
            ),
            rows=[table_row(trial, names) for trial in facts.trials],
            provenance=provenance(facts),
            layers=layers(facts),
            style=Markup(resource("page.css")),  # noqa: S704 - our own file
            plotly=Markup(plotly),  # noqa: S704 - Plotly's own file
            script=Markup(script),  # noqa: S704 - our own file
            allowed=" ".join(policy_hash(each) for each in (plotly, script)),
        )
    )


def environment() -> Environment:
    """Jinja, which escapes everything that goes into a page."""
    made = Environment(
        loader=PackageLoader(PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["short"] = number
    return made


def resource(name: str) -> str:
    """A file that comes with the package."""
    return files(PACKAGE).joinpath("templates", name).read_text(encoding="utf-8")


def policy_hash(script: str) -> str:
    """How a security policy names a script that may run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def figures_json(found: Sequence[Panel]) -> Markup:
    """The figures as JSON that can stand in a page: no text in it can end the element that it is in."""
    plots = {
        f"{panel.key}-{index}": {"data": plot.data, "layout": plot.layout}
        for panel in found
        for index, plot in enumerate(panel.plots)
    }
    text = msgspec.json.encode(plots).decode()
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(safe)  # noqa: S704 - made safe in the line above


def table_row(trial: TrialFacts, names: Sequence[str]) -> TableRow:
    """One trial for the table of all."""
    seconds = sum(row.seconds for row in trial.epochs)
    value = "" if trial.value is None else f"{trial.value:.4f}"
    texts: list[Any] = [trial.number, trial.state, value, len(trial.epochs), f"{seconds:.1f}", trial.attempts]
    texts += [trial.params.get(name, "") for name in names]
    cells = [(number(text), sort_key(text)) for text in [*texts, trial.worker, trial.reason]]
    return TableRow(trial.number, trial.state, tuple(cells))


def sort_key(value: Any) -> str:
    """What a cell is sorted by: a number in full, or its text."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def question(facts: StudyFacts) -> str:
    """The question of the study's space: stored with the study, or that of a built-in space."""
    manifest = facts.manifest
    if not manifest.question and manifest.space in BUILT_IN:
        return resolve(manifest.space).space.question
    return manifest.question or f"The best of the space {manifest.space}."


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
