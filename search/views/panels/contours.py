"""The score over pairs of parameters that are numbers."""

import math
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import QhullError

from search.views import palette
from search.views.facts import StudyFacts, TrialFacts
from search.views.importances import Importances
from search.views.panels.slices import ordered_parameters
from search.views.plots import Panel, Plot, axis, label, layout

TITLE = "Two parameters at a time"
LINK = "Pairs of parameters"
MOST = 3
FEWEST_POINTS = 20  # four or five along each side: with fewer, a surface is made of its gaps
GRID = 30
LEVELS = 8

Parameter = tuple[str, BaseDistribution]


def contours_panel(facts: StudyFacts, found: Importances) -> Panel | None:
    """Contours for the most important pairs of numbers; None for a space with fewer than two of them."""
    numbers = [
        (name, distribution)
        for name, distribution in ordered_parameters(facts, found)
        if not isinstance(distribution, CategoricalDistribution)
    ]
    pairs = list(islice(combinations(numbers, 2), MOST))
    if not pairs:
        return None
    plots = tuple(contour_plot(facts, x, y) for x, y in pairs if len(having(facts, x, y)) >= FEWEST_POINTS)
    missing = [absence(facts, x, y) for x, y in pairs if len(having(facts, x, y)) < FEWEST_POINTS]
    lacking = (f"Not drawn: {'; '.join(missing)}. It takes {FEWEST_POINTS}.",) if missing else ()
    reading = (
        "Each point is a completed trial. The score is interpolated between them, which ignores all other parameters "
        "and the luck of a single run. Where there are no points, nothing is known."
    )
    return Panel("contours", TITLE, plots, (*((reading,) if plots else ()), *lacking), LINK)


def having(facts: StudyFacts, x: Parameter, y: Parameter) -> list[TrialFacts]:
    """The completed trials that have both."""
    return [trial for trial in facts.ranked if x[0] in trial.params and y[0] in trial.params]


def absence(facts: StudyFacts, x: Parameter, y: Parameter) -> str:
    """Which pair isn't drawn, and how many trials it has."""
    count = len(having(facts, x, y))
    return f"{x[0]} and {y[0]}, which {count} completed {'trial has' if count == 1 else 'trials have'} in common"


def contour_plot(facts: StudyFacts, x: Parameter, y: Parameter) -> Plot:
    """One pair."""
    (x_name, x_range), (y_name, y_range) = x, y
    trials = having(facts, x, y)
    values = np.array([trial.value for trial in trials], float)
    low, high = color_range(values, maximize=facts.manifest.goal.maximize)
    # Each trace has its colors for itself: Plotly 4.1 never ends when a contour shares an axis of colors with points.
    colors: dict[str, Any] = {"colorscale": palette.SCALE, "reversescale": not facts.manifest.goal.maximize}
    traces: list[dict[str, Any]] = []
    surface = interpolated(logged(trials, x_name, x_range), logged(trials, y_name, y_range), values)
    if surface is not None:
        columns, rows, z = surface
        contour = {"type": "contour", "x": back(columns, x_range), "y": back(rows, y_range), "z": z, "opacity": 0.75}
        levels = {"start": low, "end": high, "size": (high - low) / LEVELS}
        limits = {"zmin": low, "zmax": high, "showscale": False}
        traces.append({**contour, **colors, **limits, "contours": levels, "hoverinfo": "skip", "line": {"width": 0.5}})
    bounds: dict[str, Any] = {"cmin": low, "cmax": high, "showscale": True, "colorbar": {"thickness": 12}}
    marker = {"color": values.tolist(), **colors, **bounds, "size": 9, "line": {"width": 1.2, "color": palette.EDGE}}
    traces.append(trial_points(trials, x_name, y_name, marker))
    look = layout(axis(x_name, **kind(x_range)), axis(y_name, **kind(y_range)), height=360, showlegend=False)
    return Plot(f"Contour plot of {facts.manifest.goal.label} over {x_name} and {y_name}.", traces, look)


def trial_points(trials: list[TrialFacts], x: str, y: str, marker: dict[str, Any]) -> dict[str, Any]:
    """The trials as points."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [trial.params[x] for trial in trials],
        "y": [trial.params[y] for trial in trials],
        "text": [label(trial) for trial in trials],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": marker,
    }


def color_range(values: NDArray[np.float64], *, maximize: bool) -> tuple[float, float]:
    """What the colors span: all but the worst tenth, so that differences among good trials show."""
    low, high = (np.quantile(values, 0.1), values.max()) if maximize else (values.min(), np.quantile(values, 0.9))
    return float(low), float(max(high, low + 1e-6))


def is_log(distribution: BaseDistribution) -> bool:
    """Whether the parameter is drawn on a logarithmic scale."""
    return bool(getattr(distribution, "log", False))


def kind(distribution: BaseDistribution) -> dict[str, Any]:
    """The axis of a parameter."""
    return {"type": "log", "exponentformat": "power", "dtick": 1} if is_log(distribution) else {}


def logged(trials: list[TrialFacts], name: str, distribution: BaseDistribution) -> NDArray[np.float64]:
    """The parameter's values on its scale."""
    values = np.array([trial.params[name] for trial in trials], float)
    return np.log10(values) if is_log(distribution) else values


def back(values: NDArray[np.float64], distribution: BaseDistribution) -> list[float]:
    """Values of the scale as values of the parameter."""
    return [float(f"{value:.5g}") for value in (10**values if is_log(distribution) else values)]


def interpolated(
    xs: NDArray[np.float64], ys: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[list[float | None]]] | None:
    """The score on a grid within the hull of the points, linear between them; None if they lie on a line."""
    columns, rows = np.linspace(xs.min(), xs.max(), GRID), np.linspace(ys.min(), ys.max(), GRID)
    try:
        surface = LinearNDInterpolator(np.column_stack([xs, ys]), values, rescale=True)
    except QhullError:
        return None
    z = surface(*np.meshgrid(columns, rows))
    return columns, rows, [[None if math.isnan(value) else round(float(value), 4) for value in row] for row in z]
