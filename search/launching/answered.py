"""The end of a launch: the answer, if there may be one, and the one look at the test images."""

from collections.abc import Callable
from pathlib import Path

from search.host.ends import End
from search.launching.options import FinishedSearch, LaunchOptions
from search.study.due_answer import leave_answer_to_workers
from search.study.folders import StudyFolder
from search.study.test_score import leave_look_to_answer, look_waits_for_answer
from search.views.facts import StudyFacts, gather_facts
from search.workers.scoring import measure_test_score
from storage import SharedStudy
from storage.retry import retry_while_unreachable

FEWEST_FOR_ANSWER = 10


def race_best(
    search: FinishedSearch,
    facts: StudyFacts,
    end: End,
    options: LaunchOptions,
    without_answer: Callable[[], StudyFacts],
) -> tuple[End, StudyFacts]:
    """Has the best trials of a search race if they may: how that ended, and the study with the answer, or as it is
    after what is to be done where there is none. A launch that was told to leave before ends without, as it was told.
    """
    answering = options.answering if is_answerable(facts, options) else None
    if end is not End.DONE:
        return end if answering is not None and end.leaves_work else End.DONE, facts
    raced = search.leaving()
    if answering is not None and raced is End.DONE:
        raced = answering.give(search, answering.share)
        facts = retry_while_unreachable(lambda: gather_facts(search.shared))
    if raced is End.DONE and is_unanswered(facts, options):
        facts = retry_while_unreachable(without_answer)
    return raced, facts


def leave_look(shared: SharedStudy, options: LaunchOptions) -> None:
    """Leaves the test images to the answer, if the search is to end with one, and leaves that to the workers of a
    cluster; as it is if the launch runs no workers, nor places any.
    """
    if options.workers.n_workers != 0 or options.placed is not None:
        enough = shared.ledger.counts().total >= FEWEST_FOR_ANSWER
        answering = options.answering if enough else None
        leave_look_to_answer(shared, wanted=answering is not None)
        leave_answer_to_workers(shared, None if answering is None or options.placed is None else answering.share)


def is_unanswered(facts: StudyFacts, options: LaunchOptions) -> bool:
    """Whether a search has ended and has no answer that knows all of its trials."""
    answered = facts.answer is not None and not facts.answer.trials_since(facts.counts.finished)
    return facts.done and not answered and options.workers.n_workers != 0


def look_at_selected(shared: SharedStudy, folder: StudyFolder, data_dir: Path | None) -> None:
    """Looks at the test images with the model of the selected trial, if they still wait for an answer, which no worker
    gives any more.
    """
    leave_answer_to_workers(shared, None)
    if look_waits_for_answer(shared):
        leave_look_to_answer(shared, wanted=False)
        measure_test_score(shared, folder, data_dir)


def is_answerable(facts: StudyFacts, options: LaunchOptions) -> bool:
    """Whether a search has ended so that its best trials may race: from ten trials on, by workers of this machine, and
    not again what has raced.
    """
    known = None if facts.answer is None else facts.answer.trials
    return (
        facts.done
        and facts.best is not None
        and facts.stop_reason is None
        and facts.counts.total >= FEWEST_FOR_ANSWER
        and facts.counts.finished != known
        and options.workers.n_workers != 0
        and options.placed is None
    )
