"""The answer of a race, stored with the search whose trials raced: among its attributes, in its notes, as a figure."""

import logging

from search.design.result import ComparisonResult
from search.study.race_answer import store_answer
from search.views.dashboard_attributes import save_figure
from search.views.facts import gather_facts
from search.views.panels.race import TITLE, means_plot
from search.views.plots import plotly_figure
from search.views.study_notes import note_study
from spaces import resolve
from storage import open_study
from storage.errors import StudyNotFound

log = logging.getLogger(__name__)

FIGURE = "answer"


def store_in_search(url: str, result: ComparisonResult) -> None:
    """Stores what the race found with the search, which may have been deleted meanwhile: then nothing is stored."""
    origin = result.comparison.origin
    if result.raced is None or origin is None:
        return
    try:
        with open_study(url, origin) as shared:
            store_answer(shared, result.raced)
            facts = gather_facts(shared)
            note_study(shared, resolve(shared.manifest.space).space, facts.counts.total, facts)
            plot = means_plot(result.raced, shared.manifest.goal)
            save_figure(shared, FIGURE, plotly_figure(plot, f"{origin}: {TITLE}"))
    except StudyNotFound:
        log.warning("the search %s isn't there any more, so that the answer isn't stored with it", origin)
