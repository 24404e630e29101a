"""The answer of a race, stored with the search whose trials raced: among its attributes, in its notes, as a figure."""

import logging

import msgspec

from search.design.arm_names import trial_of_arm
from search.design.result import ComparisonResult
from search.design.test_score import ArmTest
from search.study.race_answer import store_answer
from search.study.test_score import TestScore, copy_look, recorded_looks
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
            if result.test is not None:
                copy_look(shared, as_look_of_search(result.test, result))
            store_answer(shared, result.raced)
            facts = gather_facts(shared)
            note_study(shared, resolve(shared.manifest.space).space, facts.counts.total, facts)
            plot = means_plot(result.raced, shared.manifest.goal)
            save_figure(shared, FIGURE, plotly_figure(plot, f"{origin}: {TITLE}"))
    except StudyNotFound:
        log.warning("the search %s isn't there any more, so that the answer isn't stored with it", origin)


def as_look_of_search(test: ArmTest, result: ComparisonResult) -> TestScore:
    """The look of a race as one of its search: of the trial whose configuration was trained again."""
    number = trial_of_arm(test.arm)
    trial = test.score.trial if number is None else number
    return msgspec.structs.replace(test.score, trial=trial, study=result.study_name, before=0)


def looks_of_search(url: str, result: ComparisonResult) -> int:
    """How often the test images of the race's search had been looked at, but for this race itself."""
    if result.comparison.origin is None:
        return 0
    try:
        with open_study(url, result.comparison.origin) as shared:
            return sum(look.study != result.study_name for look in recorded_looks(shared))
    except StudyNotFound:
        return 0
