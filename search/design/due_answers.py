"""The answer of a search that no launch waits for: the workers that have ended it race its best trials.

One process orders the trainings of the race and judges them; others train with it, and one of them takes over if it is
killed.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from search.design.confusion import evaluator
from search.design.options import AnswerOptions
from search.design.racing import plan_of, race_name
from search.design.running import Dependencies, Evaluators, carry_out
from search.errors import SearchFailed, UsageError
from search.host.block_thread import BlockThread
from search.host.ends import End, first_trouble
from search.host.shutdown import Shutdown
from search.launching.answered import look_at_selected
from search.study.due_answer import due_share
from search.study.location import located, typed_places
from search.workers.join import study_folder
from search.workers.loop import no_more_work
from search.workers.running import deadline_of, run_workers
from search.workers.settings import WorkerSettings
from spaces.errors import SpaceError
from storage import SharedStudy, open_study
from storage.duty import LEASE_S, Duty
from storage.errors import StorageError, StudyNotFound

log = logging.getLogger(__name__)

TASK = "answer"
PAUSE_S = 2.0

RunWorkers = Callable[[str, str, WorkerSettings], End]


class DutyKeeper(BlockThread):
    """Renews a duty until the `with` block ends. `lost` says that another process has it by now."""

    def __init__(self, duty: Duty) -> None:
        super().__init__("duty")
        self._duty = duty
        self.lost = False

    def _run(self) -> None:
        while not self.lost and not self._ended.wait(LEASE_S / 4):
            try:
                self.lost = not self._duty.renew()
            except StorageError as error:  # the next renewal may come in time
                log.debug("the duty isn't renewed yet: %s", error)


def answer_if_due(
    url: str,
    name: str,
    settings: WorkerSettings,
    run: RunWorkers = run_workers,
    evaluators: Evaluators = evaluator,
) -> End:
    """Has the search's best trials race, if its answer is due and no launch waits for it; takes part in the race while
    another process leads it. Returns how the workers ended.

    Raises:
        StorageError: the database is away.
    """
    deadline = deadline_of(settings)
    with open_study(url, name, wait_s=settings.wait) as opened, Shutdown() as shutdown:
        shared = located(opened, typed_places(settings.space, settings.dataset))
        duty = Duty(shared.engine, shared.key, TASK)
        while (share := due_share(shared)) is not None and not shutdown.requested:
            left = deadline - time.monotonic()
            if left <= 0:
                return End.UNFINISHED
            workers = replace(settings, timeout=None if settings.timeout is None else left)
            if duty.take():
                with leading(duty) as keeper:
                    dependencies = Dependencies(partial(run_race, run, keeper, shutdown), evaluators)
                    return lead(url, shared, workers, share, dependencies)
            end = take_part(url, shared, workers, run, shutdown)
            if end is not End.DONE:
                return end
    return shutdown.end


@contextlib.contextmanager
def leading(duty: Duty) -> Iterator[DutyKeeper]:
    """Keeps the duty within the block, and lays it down after it."""
    try:
        with DutyKeeper(duty) as keeper:
            yield keeper
    finally:
        with contextlib.suppress(StorageError):  # else it runs out
            duty.lay_down()


def run_race(
    run: RunWorkers,
    keeper: DutyKeeper,
    shutdown: Shutdown,
    race: SharedStudy,
    url: str,
    workers: WorkerSettings,
    *,
    quiet: bool,  # noqa: ARG001 - nothing is shown
) -> End:
    """Trains what is ordered of the race; UNFINISHED if this process isn't to lead it any more."""
    try:
        end = End.DONE if no_more_work(race) else run(url, race.name, workers)
    except UsageError as error:  # its job ends too soon, or its host lacks something: another process may go on
        log.warning("this process can't go on with the race: %s", error)
        return End.UNFINISHED
    return first_trouble(end, shutdown.end, End.UNFINISHED if keeper.lost else End.DONE)


def lead(url: str, shared: SharedStudy, settings: WorkerSettings, share: float, dependencies: Dependencies) -> End:
    """Carries out the race. Where a search can have no answer, its selected trial's test score is measured instead."""
    flags = AnswerOptions(storage=url, origin=shared.name, answer_share=share, quiet=True, workers=settings)
    try:
        plan = plan_of(flags, shared)
        log.info("the best trials of %s race in the study %s, for its answer", shared.name, plan.study_name)
        return carry_out(plan, flags, dependencies, log.info).end
    except (UsageError, SearchFailed) as error:
        log.warning("no answer with error bars: %s", error)
        look_at_selected(shared, study_folder(shared, settings.artifacts), settings.data_dir)
    except SpaceError as error:
        log.warning("no answer from this host: %s", error)
    return End.DONE


def take_part(url: str, shared: SharedStudy, settings: WorkerSettings, run: RunWorkers, shutdown: Shutdown) -> End:
    """Trains in the race that another process leads, if there is something to train now; else waits for a moment."""
    name = race_name(shared.name, shared.ledger.counts().finished)
    try:
        with open_study(url, name) as race:
            idle = no_more_work(race)
        if not idle:
            return run(url, name, settings)
    except StudyNotFound:
        log.debug("the race %s is yet to be made", name)
    shutdown.wait(PAUSE_S)
    return shutdown.end
