"""Running the workers of a study in this process."""

import logging
import math
import time
from collections.abc import Sequence

from search.console.outside_text import shown
from search.errors import Quarantined, UsageError
from search.host.ends import End, first_trouble
from search.host.shutdown import Shutdown
from search.trainers.child import TRAINER_COMMAND
from search.workers.context import WorkerContext
from search.workers.join import join_shared, join_study
from search.workers.listening import listening_at
from search.workers.loop import Heartbeat, work
from search.workers.placement import WorkerPlacement, find_placements
from search.workers.settings import WorkerSettings
from search.workers.threads import WorkerThread, run_threads
from storage import SharedStudy
from storage.errors import StorageError
from storage.open_database import OpenDatabase
from storage.retry import retry_while_unreachable

log = logging.getLogger(__name__)

OUT_OF_TIME = "out of time"


def run_workers(url: str, study_name: str, settings: WorkerSettings) -> End:
    """Works on the study with as many workers as asked for, until nothing is left to do or they are told to leave.

    Raises:
        UsageError, StorageError: the study can't be joined.
        Quarantined: nothing works on this host.
    """
    places = find_placements(settings)
    if not places:
        raise UsageError("--n-workers 0 leaves nothing to do: give 1 or more")
    if len(places) == 1:
        return run_worker(url, study_name, settings, places[0])
    return run_workers_in(url, study_name, settings, places)


def run_workers_in(
    url: str,
    study_name: str,
    settings: WorkerSettings,
    places: Sequence[WorkerPlacement],
    trainer_command: Sequence[str] = TRAINER_COMMAND,
) -> End:
    """Has a worker in each place, all of them threads of this process. Raises as `run_workers` does."""
    deadline, stamps = deadline_of(settings), set[str]()
    with OpenDatabase(url, len(places)) as database:

        def be_worker(thread: WorkerThread) -> End:
            with thread.joining:
                shared = database.study(study_name, settings.wait)
                stamps.add(shared.key.stamp)
                context = join_shared(shared, settings, thread.place, trainer_command)
                thread.joined(context.trainer.discard)
            return work_to_the_end(context, thread.shutdown, deadline)

        return run_threads(places, be_worker, listening_at(url, stamps.__contains__))


def run_worker(
    url: str,
    study_name: str,
    settings: WorkerSettings,
    place: WorkerPlacement,
    trainer_command: Sequence[str] = TRAINER_COMMAND,
) -> End:
    """Is a worker until the study has nothing left to do, or it is told to leave or out of time."""
    deadline = deadline_of(settings)
    context = join_study(url, study_name, settings, place, trainer_command)
    with Shutdown(at_once=context.trainer.discard) as shutdown:
        return work_to_the_end(context, shutdown, deadline)


def deadline_of(settings: WorkerSettings) -> float:
    """When workers that begin now are out of time, by `time.monotonic()`."""
    return time.monotonic() + (settings.timeout or math.inf)


def work_to_the_end(context: WorkerContext, shutdown: Shutdown, deadline: float) -> End:
    """Works on the study that a worker has joined, and leaves it."""
    reason = "crashed"
    greet(context)
    with Heartbeat(context):
        try:
            done = work(context, shutdown, deadline)
            reason = "nothing left to do" if done else "told to leave" if shutdown.requested else OUT_OF_TIME
        except Quarantined:
            reason = "quarantined"
            raise
        finally:
            context.trainer.discard()
            leave(context, reason)
    return End.DONE if done else first_trouble(shutdown.end, End.UNFINISHED)


def greet(context: WorkerContext) -> None:
    """Logs who works where on what."""
    log.info("worker %s works on the study %s", context.worker_id, shown(context.shared.name))


def leave(context: WorkerContext, reason: str) -> None:
    """Logs and records the worker's exit, and closes what it held; if the database is unreachable, missing heartbeats
    will show the exit.
    """
    log.info("worker %s leaves the study %s: %s", context.worker_id, shown(context.shared.name), reason)
    with context.held:
        record_exit(context, reason)


def record_exit(context: WorkerContext, reason: str) -> None:
    """Records the worker's exit, if the database answers."""
    try:
        context.shared.workers.leave(context.worker_id, reason)
    except StorageError as error:
        log.warning("left without a word to the database: %s", error)


def progress_of(shared: SharedStudy, shutdown: Shutdown) -> int:
    """A number that grows with the study's progress, asked for until the database answers or an exit is requested."""
    ledger = shared.ledger
    return retry_while_unreachable(
        lambda: ledger.epoch_count() + ledger.counts().finished, give_up=lambda: shutdown.requested
    )
