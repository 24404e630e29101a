"""The figures of a report, a kind a file."""

from search.report.facts import StudyFacts
from search.report.panels.choices import choices_panel
from search.report.panels.contours import contours_panel
from search.report.panels.curves import curves_panel
from search.report.panels.history import history_panel
from search.report.panels.importances import importances_panel
from search.report.panels.slices import slices_panel
from search.report.panels.timeline import timeline_panel
from search.report.plots import Panel
from search.views.importances import Importances


def panels(facts: StudyFacts, found: Importances) -> tuple[Panel, ...]:
    """Those of a search, in the order of the page; `found` are the importances of the study's parameters."""
    every = (
        history_panel(facts),
        curves_panel(facts),
        importances_panel(found),
        choices_panel(facts, found),
        slices_panel(facts, found),
        contours_panel(facts, found),
        timeline_panel(facts),
    )
    return tuple(panel for panel in every if panel is not None)
