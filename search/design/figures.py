"""Figures of a comparison, stored with its study: optuna-dashboard shows them on the study's page."""

from itertools import cycle

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from search.design.confusion import Confusion
from search.design.curves import METRICS, ArmCurves, Metric
from search.design.options import POINT
from search.design.result import Result
from search.views.dashboard_attributes import save_figure
from storage import SharedStudy

# Okabe and Ito's palette, distinguishable with every kind of color vision: https://jfly.uni-koeln.de/color/
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
GRAY = "#BBBBBB"
TITLES: dict[Metric, str] = {
    "accuracy": "accuracy, training",
    "val_accuracy": "accuracy, validation",
    "loss": "loss, training",
    "val_loss": "loss, validation",
}
BAND = 0.18


def store_comparison_figures(shared: SharedStudy, result: Result) -> None:
    """Stores the figures with the study, in the place of those stored before."""
    with shared.translated():
        for name, figure in comparison_figures(result).items():
            save_figure(shared, name, figure)


def comparison_figures(result: Result) -> dict[str, go.Figure]:
    """The figures by the ids under which they are stored."""
    figures = {"comparison-arms": arms_figure(result), "comparison-curves": curves_figure(result)}
    if result.answer is not None:
        figures["comparison-pairs"] = pairs_figure(result)
    places = {arm.name: number for number, arm in enumerate(result.comparison.arms)}
    matrices = {f"comparison-confusion-{places[one.arm]}": one for one in result.confusions if one.counts}
    return figures | {name: confusion_figure(one, result.manifest.classes) for name, one in matrices.items()}


def arms_figure(result: Result) -> go.Figure:
    """Each arm's scores, those of one replicate joined by a line, and each arm's mean with its 95 % interval."""
    names = [arm.name for arm in result.scores.arms]
    figure = go.Figure(layout=_layout(f"{result.study_name}: arms", "", result.manifest.objective))
    for replicate in sorted({key for arm in result.scores.arms for key in arm.scores}):
        scores = [arm.scores.get(replicate) for arm in result.scores.arms]
        line = {"color": GRAY, "width": 1}
        label = f"replicate {replicate}"
        figure.add_trace(go.Scatter(x=names, y=scores, mode="lines+markers", line=line, name=label, showlegend=False))
    for summary, color in zip(result.summaries, cycle(COLORS)):
        half = None if summary.interval is None or summary.mean is None else summary.interval.high - summary.mean
        figure.add_trace(
            go.Scatter(
                x=[summary.name],
                y=[summary.mean],
                error_y={"array": [half], "thickness": 2, "width": 8},
                mode="markers",
                marker={"color": color, "size": 12},
                name=f"{summary.name}, n = {summary.n}",
            )
        )
    return figure


def pairs_figure(result: Result) -> go.Figure:
    """Each pair's mean difference in points with its 95 % interval, and the margin below which none matters."""
    answer = result.answer
    unit = f"points (hundredths of {result.manifest.objective})"
    figure = go.Figure(layout=_layout(f"{result.study_name}: paired differences", unit, ""))
    if answer is None:
        return figure
    for pair in reversed(answer.pairs):
        if pair.difference is None:
            continue
        half = None if pair.interval is None else (pair.interval.high - pair.difference) / POINT
        figure.add_trace(
            go.Scatter(
                x=[pair.difference / POINT],
                y=[f"{pair.first} - {pair.second}<br>{pair.verdict}"],
                error_x={"array": [half], "thickness": 2, "width": 8},
                mode="markers",
                marker={"color": COLORS[0], "size": 10},
                showlegend=False,
            )
        )
    margin = answer.margin / POINT
    figure.add_vrect(x0=-margin, x1=margin, fillcolor=GRAY, opacity=0.3, line_width=0)
    figure.add_vline(x=0, line_color=GRAY)
    return figure


def curves_figure(result: Result) -> go.Figure:
    """The learning curves of all arms: means of their replicates, with the bands of the means' 95 % intervals."""
    figure = make_subplots(rows=2, cols=2, subplot_titles=[TITLES[metric] for metric in METRICS])
    figure.update_layout(template="plotly_white", title=f"{result.study_name}: learning curves, 95 % intervals")
    for curves, color in zip(result.curves, cycle(COLORS)):
        for place, metric in enumerate(METRICS):
            for trace in _curve(curves, metric, color, legend=place == 0):
                figure.add_trace(trace, row=place // 2 + 1, col=place % 2 + 1)
    figure.update_xaxes(title_text="epoch")
    return figure


def _curve(curves: ArmCurves, metric: Metric, color: str, *, legend: bool) -> list[go.Scatter]:
    points = curves.points[metric]
    epochs = [point.epoch for point in points]
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    band = go.Scatter(
        x=[*epochs, *reversed(epochs)],
        y=[*(point.high for point in points), *(point.low for point in reversed(points))],
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},{BAND})",
        line={"width": 0},
        hoverinfo="skip",
        legendgroup=curves.arm,
        showlegend=False,
    )
    mean = go.Scatter(
        x=epochs,
        y=[point.mean for point in points],
        line={"color": color},
        name=curves.arm,
        legendgroup=curves.arm,
        showlegend=legend,
    )
    return [band, mean]


def confusion_figure(confusion: Confusion, classes: tuple[str, ...]) -> go.Figure:
    """How often validation images of each class were taken for each class, by the best model of an arm."""
    title = f"{confusion.arm}: confusion matrix of trial {confusion.trial}, validation images"
    figure = go.Figure(layout=_layout(title, "predicted", "true class"))
    figure.add_trace(
        go.Heatmap(z=confusion.counts, x=classes, y=classes, colorscale="Blues", texttemplate="%{z}", showscale=False)
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def _layout(title: str, x: str, y: str) -> dict[str, object]:
    return {"title": title, "xaxis_title": x, "yaxis_title": y, "template": "plotly_white"}
