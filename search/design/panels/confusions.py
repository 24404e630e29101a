"""What the best model of each arm takes for what."""

from search.design.confusion import Confusion
from search.design.result import ComparisonResult
from search.views import palette
from search.views.plots import Panel, Plot, axis, layout, plain

TITLE = "Confusions"
MOST_NUMBERED = 12


def confusions_panel(result: ComparisonResult) -> Panel | None:
    """A matrix for each arm; None where none was measured."""
    plots = tuple(matrix(one, result.manifest.classes) for one in result.confusions if one.counts)
    if not plots:
        return None
    note = "One model of each arm, that of its best replicate, on the validation images of that replicate: an example."
    return Panel("confusions", TITLE, plots, (note,))


def matrix(confusion: Confusion, classes: tuple[str, ...]) -> Plot:
    """How often images of each class were taken for each class."""
    names = [plain(name) for name in classes]
    heat = {
        "type": "heatmap",
        "z": [list(row) for row in confusion.counts],
        "x": names,
        "y": names,
        "colorscale": palette.SCALE,
        "showscale": False,
        "texttemplate": "%{z}" if len(classes) <= MOST_NUMBERED else "",
        "hovertemplate": "%{y} taken for %{x}: %{z}<extra></extra>",
    }
    look = layout(
        axis(f"{confusion.arm}: predicted", type="category"),
        axis("true class", type="category", autorange="reversed"),
        height=380,
    )
    return Plot(f"Confusion matrix of {confusion.arm}.", (heat,), look)
