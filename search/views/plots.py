"""The form of every figure: data and layout as Plotly takes them, in one style, for reports, dashboards and notebooks.

States differ in their colors and in their symbols. The report's page sets the colors of text and grid, for light and
dark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from search.views import palette
from search.views.facts import State, TrialFacts
from search.views.number import number, score

if TYPE_CHECKING:
    import plotly.graph_objects as go

SYMBOLS: Mapping[State, str] = {
    "complete": "circle",
    "pruned": "x",
    "diverged": "triangle-down-open",
    "infeasible": "cross-open",
    "failed": "square-open",
    "running": "diamond-open",
    "paused": "hourglass-open",
}
STATES: tuple[State, ...] = ("pruned", "diverged", "infeasible", "failed", "paused", "running", "complete")
TEMPLATE = "plotly_white"


@dataclass(frozen=True)
class Plot:
    """A figure for Plotly's JavaScript: traces and layout. `alt` says in words what it shows."""

    alt: str
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Panel:
    """A part of the report: a heading, figures, and notes on what they do and don't say.

    Without figures, the notes say why there are none. `link` is what it is called in the navigation, where the title is
    too long for that.
    """

    key: str
    title: str
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = ()
    link: str = ""

    @property
    def small(self) -> bool:
        """Whether its figures stand side by side."""
        return len(self.plots) > 1

    @property
    def paired(self) -> bool:
        """Whether they stand two by two: four would leave one for itself in a row of three."""
        return len(self.plots) in (2, 4)


def plotly_figure(plot: Plot, title: str) -> "go.Figure":
    """The figure as an object of Plotly, which stands by itself: with a title, and the colors of a light page."""
    import plotly.graph_objects as go

    layout = {**plot.layout, "title": {"text": plain(title)}, "margin": {"t": 90}, "template": TEMPLATE}
    return go.Figure(data=list(plot.data), layout=layout)


def plain(text: object) -> str:
    """Text for a figure. Plotly takes some HTML in it: what comes from outside must not be taken as such."""
    return escape(str(text), quote=False)


def axis(title: str, **settings: Any) -> dict[str, Any]:
    """An axis with a title."""
    return {"title": {"text": plain(title), "standoff": 12}, "automargin": True, "zeroline": False, **settings}


def layout(x: Mapping[str, Any], y: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    """A layout with these axes, its legend above the figure."""
    return {
        "xaxis": dict(x),
        "yaxis": dict(y),
        "margin": {"l": 12, "r": 12, "t": 36, "b": 12},
        "hoverlabel": {"align": "left"},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        **settings,
    }


def label(trial: TrialFacts) -> str:
    """What is shown when one points at a trial."""
    value = "" if trial.value is None else f" · {score(trial.value)}"
    params = [f"{plain(name)}: {plain(number(setting))}" for name, setting in trial.params.items()]
    reason = [plain(trial.reason)] if trial.reason and trial.state != "pruned" else []
    return "<br>".join([f"<b>trial {trial.number}</b> {trial.state}{value}", *params, *reason])


def by_state(trials: Sequence[TrialFacts]) -> list[tuple[State, list[TrialFacts]]]:
    """The trials of each state that there is, in the order in which they are drawn."""
    groups = [(state, [trial for trial in trials if trial.state == state]) for state in STATES]
    return [(state, group) for state, group in groups if group]


def points(state: State, trials: Sequence[TrialFacts], x: Sequence[Any], y: Sequence[Any]) -> dict[str, Any]:
    """Trials of one state as points."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": state,
        "x": list(x),
        "y": list(y),
        "text": [label(trial) for trial in trials],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "color": palette.STATES[state],
            "symbol": SYMBOLS[state],
            "size": 8 if state == "complete" else 6,
            "opacity": 0.9 if state != "pruned" else 0.75,
            "line": {"width": 1.5 if SYMBOLS[state].endswith("open") else 0, "color": palette.STATES[state]},
        },
    }
