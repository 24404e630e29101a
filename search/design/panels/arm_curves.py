"""The learning curves of a comparison's arms: means of their replicates, in bands of the means' 95 % intervals."""

from collections.abc import Mapping
from itertools import cycle
from types import MappingProxyType
from typing import Any

from search.design.curves import ArmCurves
from search.design.result import ComparisonResult
from search.views import palette
from search.views.panels.curves import rounded
from search.views.plots import Panel, Plot, axis, layout, plain
from spaces.metrics import SCORES, ScoreName

TITLE = "Learning curves"
TITLES: Mapping[ScoreName, str] = MappingProxyType(
    {
        "accuracy": "accuracy, training",
        "val_accuracy": "accuracy, validation",
        "loss": "loss, training",
        "val_loss": "loss, validation",
    }
)
DASHES = ("solid", "dash", "dot", "dashdot")
BAND = 0.18


def arm_curves_panel(result: ComparisonResult) -> Panel:
    """A figure for each score."""
    if not any(points for curves in result.curves for points in curves.points.values()):
        return Panel("curves", TITLE, notes=("No epoch has been recorded yet.",))
    plots = tuple(score_plot(result, score) for score in SCORES)
    note = (
        "Means of each arm's replicates after each epoch; shaded: the 95 % interval of the mean. Where runs of an arm "
        "ended early, the last epochs are means of the others alone."
    )
    return Panel("curves", TITLE, plots, (note,))


def score_plot(result: ComparisonResult, score: ScoreName) -> Plot:
    """One score of all arms."""
    styles = zip(result.curves, cycle(palette.ARMS))
    traces = [
        trace
        for number, (curves, color) in enumerate(styles)
        for trace in arm_traces(curves, score, color, DASHES[number // len(palette.ARMS) % len(DASHES)])
    ]
    look = layout(axis("epoch", rangemode="tozero"), axis(TITLES[score]), height=340)
    return Plot(f"Learning curves of the arms: {TITLES[score]}.", traces, look)


def arm_traces(curves: ArmCurves, score: ScoreName, color: str, dash: str) -> list[dict[str, Any]]:
    """One arm's band and mean."""
    points = curves.points[score]
    epochs = [point.epoch for point in points]
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": [*epochs, *reversed(epochs)],
        "y": [rounded(y) for y in (*(one.high for one in points), *(one.low for one in reversed(points)))],
        "fill": "toself",
        "fillcolor": palette.translucent(color, BAND),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "legendgroup": plain(curves.arm),
        "showlegend": False,
    }
    mean = {
        "type": "scatter",
        "mode": "lines+markers" if len(points) < 2 else "lines",
        "name": plain(curves.arm),
        "x": epochs,
        "y": [rounded(point.mean) for point in points],
        "line": {"color": color, "width": 2, "dash": dash},
        "legendgroup": plain(curves.arm),
        "hovertemplate": f"{plain(curves.arm)}, epoch %{{x}}: %{{y:.4f}}<extra></extra>",
    }
    return [band, mean]
