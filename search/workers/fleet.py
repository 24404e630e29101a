"""Workers without a study of their own: each goes from one open study of the database to the next.

A worker goes where the priority is highest, there to the study with the fewest workers, and of these to the oldest. It
leaves a study between two trials when it is needed more elsewhere, and within an epoch when the study is paused or has
too many workers. A study that this host can't work on is left out from then on.
"""

import contextlib
import fnmatch
import logging
import math
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from search.console.outside_text import shown
from search.errors import UsageError
from search.host.ends import End, first_trouble
from search.host.shutdown import Shutdown
from search.trainers.child import TRAINER_COMMAND
from search.workers.context import WorkerContext
from search.workers.idle_pause import idle_pause
from search.workers.join import join_shared
from search.workers.listening import listening_at
from search.workers.loop import Heartbeat, work
from search.workers.placement import WorkerPlacement, find_placements
from search.workers.running import deadline_of, greet, leave
from search.workers.settings import WorkerSettings
from search.workers.threads import WorkerThread, run_threads
from spaces.errors import SpaceError
from storage.errors import StorageError, StorageUnreachable, StorageUsageError, StudyNotFound
from storage.open_database import OpenDatabase
from storage.queue import QueueEntry, is_needed_elsewhere, next_study, queue_entries
from storage.retry import retry_while_unreachable

log = logging.getLogger(__name__)

ANY = "*"


@dataclass(frozen=True)
class FleetSettings:
    """Which studies to serve, by a pattern of their names, and after how many idle seconds to end; None: never."""

    studies: str = ANY
    idle_exit: float | None = None


def run_fleet(
    url: str, fleet: FleetSettings, settings: WorkerSettings, trainer_command: Sequence[str] = TRAINER_COMMAND
) -> End:
    """Serves the database's studies with as many workers as asked for, until they are told to leave or have been idle
    for too long.

    Raises:
        UsageError, StorageError: the database can't be served.
        Quarantined: nothing works on this host.
    """
    places = find_placements(settings)
    if not places:
        raise UsageError("--n-workers 0 leaves nothing to do: give 1 or more")
    deadline = deadline_of(settings)
    with OpenDatabase(url, len(places)) as database:
        if len(places) == 1:
            return FleetWorker(database, fleet, settings, places[0], trainer_command).run()

        def be_worker(thread: WorkerThread) -> End:
            worker = FleetWorker(database, fleet, settings, thread.place, trainer_command, thread.joining)
            with contextlib.suppress(StudyNotFound, StorageUnreachable):  # both may be there later
                database.engine()
            thread.joined(worker.discard)
            return worker.serve(thread.shutdown, deadline)

        return run_threads(places, be_worker, listening_at(url, lambda _: True))


@dataclass
class FleetWorker:
    """One worker that serves all studies, each of which it joins while it holds `joining`. `trainer_command` starts a
    program that speaks the trainers' protocol.
    """

    database: OpenDatabase
    fleet: FleetSettings
    settings: WorkerSettings
    place: WorkerPlacement
    trainer_command: Sequence[str] = TRAINER_COMMAND
    joining: threading.Lock = field(default_factory=threading.Lock)
    _unfit: set[str] = field(default_factory=set)
    _context: WorkerContext | None = None
    _job_ends: bool = False
    _source: random.Random = field(default_factory=random.Random)

    def run(self) -> End:
        """Serves one study after another, as the only worker of this process."""
        deadline = deadline_of(self.settings)
        with Shutdown(at_once=self.discard) as shutdown:
            return self.serve(shutdown, deadline)

    def serve(self, shutdown: Shutdown, deadline: float) -> End:
        """Serves one study after another, until the deadline (`time.monotonic()`), or until it is told to leave or has
        been idle for too long.
        """
        while not shutdown.requested and not self._job_ends and time.monotonic() < deadline:
            entry = self._wait_for_work(shutdown, deadline)
            if entry is None:
                return first_trouble(shutdown.end, End.DONE)
            self._serve(entry, shutdown, deadline)
        return first_trouble(shutdown.end, End.UNFINISHED)

    def _wait_for_work(self, shutdown: Shutdown, deadline: float) -> QueueEntry | None:
        """The study to serve next; None after too long without one, or when it is time to leave."""
        began = time.monotonic()
        while not shutdown.requested and time.monotonic() < deadline:
            entry = next_study(self._entries(shutdown))
            if entry is not None:
                return entry
            idle = time.monotonic() - began
            if self.fleet.idle_exit is not None and idle >= self.fleet.idle_exit:
                log.info("no study has needed this worker for %.0f s: it ends", idle)
                return None
            shutdown.wait(min(idle_pause(idle, self._source), (self.fleet.idle_exit or math.inf) - idle + 0.1))
        return None

    def _entries(self, shutdown: Shutdown) -> list[QueueEntry]:
        """The studies that this worker may serve; none while there is no database yet."""

        try:
            found = retry_while_unreachable(self._look, self.settings.outage, give_up=lambda: shutdown.requested)
        except StudyNotFound as error:
            log.debug("%s", error)
            return []
        return self._fitting(found)

    def _look(self) -> list[QueueEntry]:
        """Looks by the connections of the last time: a new one costs a server more than all else that an idle worker
        does. If that fails, whatever the reason, the database is opened again.
        """
        try:
            return queue_entries(self.database.engine())
        except StorageError:
            self.database.close()
        return queue_entries(self.database.engine())

    def _fitting(self, entries: Sequence[QueueEntry]) -> list[QueueEntry]:
        return [
            entry
            for entry in entries
            if entry.stamp not in self._unfit and fnmatch.fnmatchcase(entry.name, self.fleet.studies)
        ]

    def _serve(self, entry: QueueEntry, shutdown: Shutdown, deadline: float) -> None:
        """Works on a study until it is done, or doesn't want or need the worker any more."""
        try:
            with self.joining:
                shared = self.database.study(entry.name, self.settings.wait)
                context = join_shared(shared, self.settings, self.place, self.trainer_command)
        except (UsageError, SpaceError, StorageUsageError) as error:
            self._unfit.add(entry.stamp)
            log.warning("this worker leaves out the study %s: %s", shown(entry.name), error)
            return
        except StorageUnreachable as error:
            log.warning("waiting for the database: %s", error)
            return
        greet(context)
        self._context, reason = context, "crashed"
        try:
            with Heartbeat(context):
                done = work(context, shutdown, deadline, partial(self._is_needed_elsewhere, context))
            reason = "nothing left to do" if done else "told to leave" if shutdown.requested else "went to other work"
            self._job_ends = not context.job_end.fits_epoch
        finally:
            self.discard()
            leave(context, reason)
            self._context = None

    def _is_needed_elsewhere(self, context: WorkerContext) -> bool:
        shared = context.shared
        standing = shared.queue.standing(context.worker_id)
        context.assignment.told = standing.is_wanted
        if not standing.is_wanted:
            return True
        return is_needed_elsewhere(shared.key.stamp, standing, self._fitting(queue_entries(shared.engine)))

    def discard(self) -> None:
        """Ends the trainer at once."""
        if self._context is not None:
            self._context.trainer.discard()
