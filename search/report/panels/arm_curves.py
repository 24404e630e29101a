"""The learning curves of a comparison's arms: means of their replicates, in bands of the means' 95 % intervals."""

from itertools import cycle
from typing import Any

from search.design.curves import METRICS, ArmCurves, Metric
from search.design.figures import BAND, COLORS, TITLES
from search.design.result import Result
from search.report.panels.curves import rounded
from search.report.plots import Panel, Plot, axis, layout, plain

TITLE = "Learning curves"
DASHES = ("solid", "dash", "dot", "dashdot")


def arm_curves_panel(result: Result) -> Panel:
    """A figure for each metric."""
    if not any(curves.points["val_accuracy"] or curves.points["val_loss"] for curves in result.curves):
        return Panel("curves", TITLE, notes=("No epoch has been recorded yet.",))
    plots = tuple(metric_plot(result, metric) for metric in METRICS)
    note = (
        "Means of each arm's replicates after each epoch; shaded: the 95 % interval of the mean. Where runs of an arm "
        "ended early, the last epochs are means of the others alone."
    )
    return Panel("curves", TITLE, plots, (note,))


def metric_plot(result: Result, metric: Metric) -> Plot:
    """One metric of all arms."""
    styles = zip(result.curves, cycle(COLORS))
    traces = [
        trace
        for number, (curves, color) in enumerate(styles)
        for trace in arm_traces(curves, metric, color, DASHES[number // len(COLORS) % len(DASHES)])
    ]
    look = layout(axis("epoch", rangemode="tozero"), axis(TITLES[metric]), height=340)
    return Plot(f"Learning curves of the arms: {TITLES[metric]}.", traces, look)


def arm_traces(curves: ArmCurves, metric: Metric, color: str, dash: str) -> list[dict[str, Any]]:
    """One arm's band and mean."""
    points = curves.points[metric]
    epochs = [point.epoch for point in points]
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": [*epochs, *reversed(epochs)],
        "y": [rounded(y) for y in (*(one.high for one in points), *(one.low for one in reversed(points)))],
        "fill": "toself",
        "fillcolor": f"rgba({red},{green},{blue},{BAND})",
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
