"""The end of a search: what killed workers left, the best model's test score, figures and notes.

A launch that watches a search does this. Of one that none watches, because it was detached, its launch was killed, or
its workers serve all studies, the worker that finished the last trial does it. All of it can be repeated.
"""

from pathlib import Path

from search.host.watched import is_watched
from search.notify.study_notices import StudyWatch
from search.study.alive import is_alive
from search.study.folders import StudyFolder
from search.study.snapshot import find_best
from search.views.facts import StudyFacts, gather_facts
from search.views.figures import store_figures
from search.views.notes import note_failures
from search.views.study_notes import note_study
from search.workers.context import WorkerContext
from search.workers.paused import end_paused
from search.workers.scoring import is_scored, measure_test_score
from search.workers.settle import clear_settled_slots, settle
from spaces import load_space
from storage import SharedStudy


def all_finished(shared: SharedStudy) -> bool:
    """Whether there are trials, and each has its result."""
    counts = shared.ledger.counts()
    return counts.total > 0 and counts.finished == counts.total


def tidy_up(shared: SharedStudy, folder: StudyFolder) -> None:
    """Ends what killed workers couldn't."""
    end_paused(shared, folder)
    for finished in shared.ledger.unconfirmed():
        settle(shared, folder, finished)
    clear_settled_slots(shared, folder)


def store_findings(shared: SharedStudy, facts: StudyFacts) -> None:
    """Stores what dashboards show of a search whose trials are done: its figures, and a note of each failed trial."""
    store_figures(shared, facts)
    note_failures(shared, facts)


def clean_up(context: WorkerContext, *, worked_last: bool) -> None:
    """Cleans up after a study whose slots are all done; the worker that finished the last of them, or one that finds
    it done and no other worker there, ends a search.
    """
    shared = context.shared
    clear_settled_slots(shared, context.folder)
    if not shared.manifest.is_search:  # other images may be needed again; comparisons have their own scores
        return
    finished = all_finished(shared)
    ends = worked_last or (finished and is_deserted(context))
    if finished and ends:
        conclude(context)
    if ends:
        StudyWatch(shared, context.notifier).note_end()
    context.folder.remove_images()


def conclude(context: WorkerContext) -> None:
    """Measures the best model's test score, as this worker's trainer is ready; and if no launch watches, stores the
    rest of what a launch does at its end.
    """
    shared, data_dir = context.shared, context.data.data_dir
    measure_test_score(shared, context.folder, Path(data_dir) if data_dir else None, context.trainer)
    if is_watched():
        return
    facts = gather_facts(shared)
    store_findings(shared, facts)
    note_study(shared, load_space(context.space_ref), facts.counts.total, facts)


def is_deserted(context: WorkerContext) -> bool:
    """Whether no other process ends the search: the worker that finished the last trial is gone, the best one's
    scores aren't known, and no other worker or launch is there.
    """
    shared, best = context.shared, find_best(context.shared)
    if is_watched() or best is None or is_scored(shared, best.number):
        return False
    others = (worker for worker in shared.workers.all() if worker.info.worker_id != context.worker_id)
    return not any(map(is_alive, others))
