"""The pairs of a comparison: their differences with two intervals each, and the margin."""

from collections.abc import Sequence
from typing import Any

from search.design.answer_words import reading
from search.design.options import POINT
from search.design.result import ComparisonResult
from search.statistics import ConfidenceInterval, PairAnswer
from search.views import palette
from search.views.plots import Panel, Plot, axis, layout, plain

TITLE = "Pairs"
THIN, THICK = 1.5, 5


def differences_panel(result: ComparisonResult) -> Panel | None:
    """A forest plot of all pairs; None where there is no answer."""
    if result.answer is None:
        return None
    known = [pair for pair in result.answer.pairs if pair.difference is not None and pair.interval is not None]
    plots = (forest(known, result.comparison.margin),) if known else ()
    shaded = ("Shaded: too small to matter.",) if plots else ()
    return Panel("pairs", TITLE, plots, (" ".join((reading(result), *shaded)),))


def forest(pairs: Sequence[PairAnswer], margin: float) -> Plot:
    """The differences: thick is the interval for these images, thin that for new data; the margin is shaded."""
    names = [f"{plain(pair.first)}<br>- {plain(pair.second)}" for pair in pairs]
    centers = [in_points(pair.difference or 0.0) for pair in pairs]
    new_data = [pair.new_data for pair in pairs]
    own = [pair.interval for pair in pairs]
    traces = [whiskers("these images", names, centers, own, THICK, palette.BLUE)]
    if any(new_data):  # behind the others
        traces.insert(0, whiskers("new data of this kind and size", names, centers, new_data, THIN, palette.ORANGE))
    look = forest_layout("difference in points", names, margin, row_height=44)
    return Plot("Differences of the pairs with their 95 % intervals.", traces, look)


def forest_layout(title: str, names: Sequence[str], margin: float, *, row_height: int) -> dict[str, Any]:
    """Names from top to bottom, points from left to right, the margin shaded."""
    band = {"type": "rect", "xref": "x", "yref": "paper", "x0": in_points(-margin), "x1": in_points(margin)}
    shade = {"y0": 0, "y1": 1, "fillcolor": palette.GRAY, "opacity": 0.2, "line": {"width": 0}}
    return layout(
        axis(title, zeroline=True, tickangle=0, nticks=7),
        axis("", autorange="reversed", categoryorder="array", categoryarray=names),
        shapes=[{**band, **shade}],
        height=150 + row_height * len(names),
    )


def whiskers(
    name: str,
    names: Sequence[str],
    centers: Sequence[float],
    intervals: Sequence[ConfidenceInterval | None],
    width: float,
    color: str,
) -> dict[str, Any]:
    """One kind of interval of all pairs."""
    ends = [
        (center, center) if one is None else (in_points(one.low), in_points(one.high))
        for center, one in zip(centers, intervals, strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(centers),
        "y": list(names),
        "customdata": [list(end) for end in ends],
        "marker": {"color": color, "size": 11},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [round(high - center, 4) for center, (_, high) in zip(centers, ends, strict=True)],
            "arrayminus": [round(center - low, 4) for center, (low, _) in zip(centers, ends, strict=True)],
            "thickness": width,
            "width": 0 if width == THICK else 6,
            "color": color,
        },
        "hovertemplate": "%{y}: %{x:+.2f} (%{customdata[0]:+.2f} to %{customdata[1]:+.2f})<extra></extra>",
    }


def in_points(value: float) -> float:
    """A difference of scores in points."""
    return round(value / POINT, 6)
