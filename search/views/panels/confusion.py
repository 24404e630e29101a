"""A confusion matrix as a figure, and that of a search's best model."""

from collections.abc import Sequence

from search.views import palette
from search.views.classes_table import classes_sentence
from search.views.facts import StudyFacts
from search.views.plots import Panel, Plot, axis, layout, plain

MOST_NUMBERED = 12
NOTE = "The model was chosen by these images, which flatters it a little."


def confusion_panel(facts: StudyFacts) -> Panel | None:
    """What the best model takes the validation images of each class for; None where that wasn't measured."""
    found, classes = facts.class_results, facts.manifest.classes
    if found is None:
        return None
    plot = confusion_plot(found.confusion, classes, f"trial {found.trial}")
    return Panel("confusion", "What is taken for what", (plot,), (classes_sentence(found, classes), NOTE), "Classes")


def confusion_plot(counts: Sequence[Sequence[int]], classes: Sequence[str], whose: str) -> Plot:
    """How often images of each class (row) were taken for each class (column)."""
    names = [plain(name) for name in classes]
    heat = {
        "type": "heatmap",
        "z": [list(row) for row in counts],
        "x": names,
        "y": names,
        "colorscale": palette.SCALE,
        "showscale": False,
        "texttemplate": "%{z}" if len(classes) <= MOST_NUMBERED else "",
        "hovertemplate": "%{y} taken for %{x}: %{z}<extra></extra>",
    }
    look = layout(
        axis(f"{whose}: predicted", type="category"),
        axis("true class", type="category", autorange="reversed"),
        height=380,
    )
    return Plot(f"Confusion matrix of {whose}.", (heat,), look)
