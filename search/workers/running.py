"""Running workers: one in this process, or several as its children."""

import logging
import math
import time
from collections.abc import Callable, Sequence

from search.console.outside_text import shown
from search.errors import Quarantined, UsageError
from search.host.ends import End, first_trouble
from search.host.shutdown import Shutdown
from search.study.own_folder import prepare
from search.trainers.child import TRAINER_COMMAND
from search.workers.context import WorkerContext
from search.workers.join import join_study, study_folder
from search.workers.loop import Heartbeat, work
from search.workers.placement import WorkerPlacement, find_placements
from search.workers.pool import WorkerPool
from search.workers.settings import WorkerSettings
from storage import SharedStudy, open_study
from storage.errors import StorageError
from storage.retry import retry_while_unreachable

log = logging.getLogger(__name__)

POOL_POLL_S = 0.5
OUT_OF_TIME = "out of time"


def run_workers(url: str, study_name: str, settings: WorkerSettings) -> End:
    """Works on the study with as many processes as asked for, until nothing is left to do or they are told to leave.

    Raises:
        UsageError, StorageError: the study can't be joined.
        Quarantined: nothing works on this host.
    """
    places = find_placements(settings)
    if not places:
        raise UsageError("--n-workers 0 leaves nothing to do: give 1 or more")
    if len(places) == 1:
        return run_worker(url, study_name, settings, places[0])
    return run_pool(url, study_name, settings, places)


def run_worker(
    url: str,
    study_name: str,
    settings: WorkerSettings,
    place: WorkerPlacement,
    trainer_command: Sequence[str] = TRAINER_COMMAND,
) -> End:
    """Is a worker until the study has nothing left to do, or it is told to leave or out of time."""
    deadline = time.monotonic() + (settings.timeout or math.inf)
    context = join_study(url, study_name, settings, place, trainer_command)
    reason = "crashed"
    greet(context)
    with Shutdown(at_once=context.trainer.discard) as shutdown, Heartbeat(context):
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


def run_pool(url: str, study_name: str, settings: WorkerSettings, places: Sequence[WorkerPlacement]) -> End:
    """Keeps a worker running in each place until they have nothing left to do or are told to leave.

    Raises:
        StorageError: the study can't be opened, or its database was unreachable for too long.
    """
    with open_study(url, study_name, wait_s=settings.wait) as shared:
        folder = study_folder(shared, settings.artifacts)
        prepare(folder, shared.manifest)
        arguments = [f"--study-name={study_name}", *settings.for_one_worker()]
        pool = WorkerPool(arguments, places, url, folder.logs, settings.timeout)
        return watch(pool, lambda: study_progress(shared))


def study_progress(shared: SharedStudy) -> int:
    """A number that grows with the study's progress."""
    return shared.ledger.epoch_count() + shared.ledger.counts().finished


def progress_of(shared: SharedStudy, shutdown: Shutdown) -> int:
    """The same, asked for until the database answers or an exit is requested."""
    return retry_while_unreachable(lambda: study_progress(shared), give_up=lambda: shutdown.requested)


def watch(pool: WorkerPool, progress: Callable[[], int]) -> End:
    """Starts the workers of a pool and replaces those that are lost, until all have ended or are told to leave.
    `progress` is a number that grows as long as they are of use.
    """
    with pool, Shutdown(at_once=pool.kill) as shutdown:

        def patient_progress() -> int:
            return retry_while_unreachable(progress, give_up=lambda: shutdown.requested)

        pool.start()
        while pool.alive() and not shutdown.requested:
            pool.replace_dead(patient_progress)
            shutdown.wait(POOL_POLL_S)
        pool.stop()
        pool.note_exits()
    return End.DONE if pool.found_done else first_trouble(shutdown.end, pool.failure, End.UNFINISHED)
