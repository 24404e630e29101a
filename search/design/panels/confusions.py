"""What the best model of each arm takes for what."""

from search.design.result import ComparisonResult
from search.views.panels.confusion import confusion_plot
from search.views.plots import Panel

TITLE = "Confusions"


def confusions_panel(result: ComparisonResult) -> Panel | None:
    """A matrix for each arm; None where none was measured."""
    classes = result.manifest.classes
    plots = tuple(confusion_plot(one.counts, classes, one.arm) for one in result.confusions if one.counts)
    if not plots:
        return None
    note = "One model of each arm, that of its best replicate, on the validation images of that replicate: an example."
    return Panel("confusions", TITLE, plots, (note,))
