"""The scores of a comparison: those of one replicate joined by a line, and each arm's mean with its interval."""

from typing import Any

from search.design.result import ComparisonResult
from search.views import palette
from search.views.plots import Panel, Plot, axis, layout, plain

TITLE = "Replicates"


def replicates_panel(result: ComparisonResult) -> Panel:
    """A line a replicate, over the arms."""
    if not any(arm.scores for arm in result.scores.arms):
        return Panel("replicates", TITLE, notes=("No replicate has a score yet.",))
    objective = result.manifest.goal.label
    names = [plain(arm.name) for arm in result.scores.arms]
    look = layout(
        axis("", type="category", categoryorder="array", categoryarray=names, range=[-0.5, len(names) - 0.5]),
        axis(objective),
    )
    plot = Plot(f"{objective} of each arm, a line a replicate.", [lines(result, names), means(result, names)], look)
    own = result.manifest.own_validation
    shared = "the seed of its weights and the order of images" + ("" if own else ", and the split")
    note = (
        f"A line is one replicate: all its arms have {shared} in common. Where lines are parallel, arms "
        "differ by as much in each replicate, however much replicates differ."
    )
    return Panel("replicates", TITLE, (plot,), (note,))


def lines(result: ComparisonResult, names: list[str]) -> dict[str, Any]:
    """All replicates as one trace, with gaps between them."""
    x: list[str | None] = []
    y: list[float | None] = []
    said: list[str] = []
    for replicate in sorted({key for arm in result.scores.arms for key in arm.scores}):
        x += [*names, None]
        y += [arm.scores.get(replicate) for arm in result.scores.arms] + [None]
        said += [f"replicate {replicate}"] * (len(names) + 1)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "a replicate",
        "x": x,
        "y": y,
        "text": said,
        "line": {"color": palette.GRAY, "width": 1},
        "marker": {"color": palette.GRAY, "size": 5},
        "opacity": 0.7,
        "hovertemplate": "%{text}, %{x}: %{y:.4f}<extra></extra>",
    }


def means(result: ComparisonResult, names: list[str]) -> dict[str, Any]:
    """The means of the arms with their 95 % intervals."""
    known = [
        (name, arm.mean, (arm.interval.high - arm.interval.low) / 2 if arm.interval else 0.0)
        for name, arm in zip(names, result.summaries, strict=True)
        if arm.mean is not None
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "mean with its 95 % interval",
        "x": [name for name, _, _ in known],
        "y": [mean for _, mean, _ in known],
        "error_y": {"type": "data", "array": [half for _, _, half in known], "thickness": 3, "width": 8},
        "marker": {"color": palette.BLUE, "size": 12},
        "hovertemplate": "%{x}: mean %{y:.4f}<extra></extra>",
    }
