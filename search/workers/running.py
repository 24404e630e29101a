"""Running workers: one in this process, or several as its children."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from search.commands.worker_flags import WorkerFlags
from search.errors import Quarantined, UsageError
from search.host.exit_codes import EXIT_DONE, EXIT_UNFINISHED
from search.host.shutdown import Shutdown
from search.study.own_folder import prepare
from search.trainers.child import TRAINER_COMMAND
from search.workers.join import join_study, study_folder
from search.workers.loop import Heartbeat, work
from search.workers.places import Place, find_places
from search.workers.pool import WorkerPool
from search.workers.workbench import Workbench
from storage import SharedStudy, open_study
from storage.errors import StorageError
from storage.retry import sit_out

log = logging.getLogger(__name__)

POOL_POLL_S = 0.5
OUT_OF_TIME = "out of time"


@dataclass(frozen=True)
class WorkerOptions:
    """The flags of `python -m search.worker`."""

    storage: str
    study_name: str
    wait: float
    workers: WorkerFlags


def run_workers(options: WorkerOptions) -> int:
    """Works on the study with as many processes as asked for; returns the exit code.

    Raises:
        UsageError, StorageError: the study can't be joined.
        Quarantined: nothing works on this host.
    """
    places = find_places(options.workers)
    if not places:
        raise UsageError("--n-workers 0 leaves nothing to do: give 1 or more")
    return run_worker(options, places[0]) if len(places) == 1 else run_pool(options, places)


def run_worker(options: WorkerOptions, place: Place, trainer_command: Sequence[str] = TRAINER_COMMAND) -> int:
    """Is a worker until the study has nothing left to do; returns the exit code: 0 if so, else 75 or 130."""
    flags = options.workers
    deadline = time.monotonic() + (flags.timeout or math.inf)
    bench = join_study(options.storage, options.study_name, flags, place, options.wait, trainer_command)
    reason = "crashed"
    with Shutdown(at_once=bench.trainer.discard) as shutdown, Heartbeat(bench):
        try:
            done = work(bench, shutdown, deadline)
            reason = "nothing left to do" if done else "told to leave" if shutdown.requested else OUT_OF_TIME
        except Quarantined:
            reason = "quarantined"
            raise
        finally:
            bench.trainer.discard()
            leave(bench, reason)
    return EXIT_DONE if done else shutdown.exit_code or EXIT_UNFINISHED


def leave(bench: Workbench, reason: str) -> None:
    """Says goodbye; a database that is away will see by the missing signs of life."""
    try:
        bench.shared.workers.leave(bench.worker_id, reason)
    except StorageError as error:
        log.warning("left without a word to the database: %s", error)


def run_pool(options: WorkerOptions, places: Sequence[Place]) -> int:
    """Keeps a worker running in each place until they have nothing left to do; returns the exit code.

    Raises:
        StorageError: the study can't be opened, or its database stayed away for too long.
    """
    with open_study(options.storage, options.study_name, wait_s=options.wait) as shared:
        folder = study_folder(shared, options.workers.artifacts)
        prepare(folder, shared.manifest)
        arguments = [f"--study-name={options.study_name}", *options.workers.for_one_worker()]
        pool = WorkerPool(arguments, places, options.storage, folder.logs, options.workers.timeout)
        with pool, Shutdown(at_once=pool.kill) as shutdown:
            pool.start()
            while pool.alive() and not shutdown.requested:
                pool.replace_dead(lambda: progress_of(shared, shutdown))
                shutdown.wait(POOL_POLL_S)
            pool.stop()
            pool.note_exits()
    return EXIT_DONE if pool.found_done else shutdown.exit_code or pool.exit_code or EXIT_UNFINISHED


def progress_of(shared: SharedStudy, shutdown: Shutdown) -> int:
    """A number that has grown when anything in the study got further."""

    def count() -> int:
        return shared.ledger.epoch_count() + shared.ledger.counts().finished

    return sit_out(count, give_up=lambda: shutdown.requested)
