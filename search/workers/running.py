"""Running workers: one in this process, or several as its children."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from search.commands.worker_flags import WorkerFlags
from search.errors import Quarantined, UsageError
from search.shutdown import Shutdown
from search.study.own_folder import prepare
from search.trainers.child import TRAINER_COMMAND
from search.workers.join import join_study, study_folder
from search.workers.loop import Heartbeat, work
from search.workers.places import Place, find_places
from search.workers.pool import WorkerPool
from search.workers.workbench import Workbench
from storage import open_study
from storage.errors import StorageError

log = logging.getLogger(__name__)

POOL_POLL_S = 0.5


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
    """Is a worker until the study has nothing left to do; returns the exit code."""
    flags = options.workers
    deadline = time.monotonic() + (flags.timeout or math.inf)
    bench = join_study(options.storage, options.study_name, flags, place, options.wait, trainer_command)
    reason = "crashed"
    with Shutdown(at_once=bench.trainer.discard) as shutdown, Heartbeat(bench):
        try:
            work(bench, shutdown, deadline)
            reason = "told to leave" if shutdown.requested else "nothing left to do"
        except Quarantined:
            reason = "quarantined"
            raise
        finally:
            bench.trainer.discard()
            leave(bench, reason)
    return shutdown.exit_code


def leave(bench: Workbench, reason: str) -> None:
    """Says goodbye; a database that is away will see by the missing signs of life."""
    try:
        bench.shared.workers.leave(bench.worker_id, reason)
    except StorageError as error:
        log.warning("left without a word to the database: %s", error)


def run_pool(options: WorkerOptions, places: Sequence[Place]) -> int:
    """Keeps a worker running in each place until they have nothing left to do; returns the exit code."""
    with open_study(options.storage, options.study_name, wait_s=options.wait) as shared:
        folder = study_folder(shared, options.workers.artifacts)
        prepare(folder, shared.manifest)
    arguments = [
        f"--study-name={options.study_name}",
        f"--wait={options.wait}",
        *options.workers.for_one_worker(),
    ]
    pool = WorkerPool(arguments, places, options.storage, folder.logs)
    with pool, Shutdown(at_once=pool.kill) as shutdown:
        pool.start()
        while pool.alive() and not shutdown.requested:
            pool.replace_dead()
            shutdown.wait(POOL_POLL_S)
        pool.stop()
        pool.note_exits()
    return shutdown.exit_code or pool.exit_code
