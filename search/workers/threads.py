"""The workers of this process, each in a thread. They share connections and what is read of the trials; each has a
trainer, a lease, and an entry among the study's workers of its own.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from search.errors import SearchError
from search.host.ends import End, first_trouble
from search.host.shutdown import Shutdown
from search.workers.listening import Listening, not_listening
from search.workers.placement import WorkerPlacement
from search.workers.pool import GRACE_S, RESTARTS
from search.workers.record_types import know_record_types
from spaces.errors import SpaceError
from storage.errors import StorageError, StorageUnreachable

log = logging.getLogger(__name__)

POLL_S = 0.5

Work = Callable[["WorkerThread"], End]


@dataclass
class WorkerThread:
    """A worker in its place, which does the `work`. It joins a study while it holds `joining`, so that one does at a
    time, and is told to leave by its `shutdown`. `end` is how it ended, and `error` what ended it, if an error did.
    """

    place: WorkerPlacement
    work: Work
    joining: threading.Lock
    shutdown: Shutdown = field(default_factory=Shutdown)
    end: End | None = None
    error: Exception | None = None
    has_joined: bool = False
    _discard: Callable[[], None] = lambda: None
    _settled: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins."""
        name = f"worker {self.place.number}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def is_settled(self, wait_s: float) -> bool:
        """Whether the worker has joined a study, waits for one, or has ended; waits for that a while."""
        return self._settled.wait(wait_s)

    def joined(self, discard: Callable[[], None]) -> None:
        """Notes that the worker has joined a study, or waits for one; `discard` ends its trainer at once."""
        self._discard, self.has_joined = discard, True
        self._settled.set()

    def discard_trainer(self) -> None:
        """Ends the worker's trainer at once."""
        self._discard()

    def wait(self, seconds: float) -> bool:
        """Waits for the worker's end; returns whether it has ended."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self.end is not None

    def _run(self) -> None:
        try:
            self.end = self._work_patiently()
        except Exception as error:
            self.error = error
            if self.has_joined or self.place.number > 1:
                known = isinstance(error, SearchError | SpaceError | StorageError)
                log.log(logging.ERROR, "the worker ends: %s", error, exc_info=None if known else error)
        finally:
            self.end = self.end or End.FAILED
            self._settled.set()

    def _work_patiently(self) -> End:
        """Does the work, from the beginning if the database was out of reach, a few times."""
        for _ in range(RESTARTS):
            try:
                return self.work(self)
            except StorageUnreachable as error:
                if self.shutdown.requested or not self.has_joined:
                    raise
                log.warning("the worker begins again: %s", error)
        return self.work(self)


def run_threads(places: Sequence[WorkerPlacement], work: Work, listening: Listening = not_listening) -> End:
    """Has a worker in each place do the work, until all have ended: DONE if one has found nothing left to do, else how
    they were ended.

    A signal tells all of them to leave. One that doesn't is left behind without its trainer. What ends one of them
    leaves the others alone, unless it is the first to join that can't: then no other is started. While they work,
    something is `listening` for work, which wakes those that wait for it.

    Raises:
        Exception: what ended the first of those that an error ended, if none has found nothing left to do and no exit
            was requested.
    """
    joining = threading.Lock()
    workers = [WorkerThread(replace(place, number=number), work, joining) for number, place in enumerate(places, 1)]

    def discard_all() -> None:
        for worker in workers:
            worker.discard_trainer()

    def wake_all() -> None:
        for worker in workers:
            worker.shutdown.wake()

    with Shutdown(at_once=discard_all) as shutdown, listening(wake_all):
        begun = begin(workers, shutdown)
        while any(worker.end is None for worker in begun) and not shutdown.requested:
            shutdown.wait(POLL_S)
        leave(begun)
    if any(worker.end is End.DONE for worker in begun):
        return End.DONE
    errors = [worker.error for worker in begun if worker.error is not None]
    if errors and not shutdown.requested:
        raise errors[0]
    return first_trouble(shutdown.end, End.UNFINISHED)


def begin(workers: Sequence[WorkerThread], shutdown: Shutdown) -> list[WorkerThread]:
    """Starts the workers, one after another; returns those that were started: all, unless an exit is requested, or the
    first can't join.
    """
    begun = list[WorkerThread]()
    for worker in workers:
        if shutdown.requested or any(one.error is not None and not one.has_joined for one in begun[:1]):
            break
        if begun:
            know_record_types()  # what the first has imported is all that they use
        worker.start()
        begun.append(worker)
        while not worker.is_settled(POLL_S) and not shutdown.requested:
            pass
    return begun


def leave(workers: Sequence[WorkerThread]) -> None:
    """Tells the workers to leave, and waits for them for a while."""
    for worker in workers:
        worker.shutdown.request()
    deadline = time.monotonic() + GRACE_S
    for worker in workers:
        if not worker.wait(max(0.0, deadline - time.monotonic())):
            log.warning("worker %d didn't leave in %.0f s and is left behind", worker.place.number, GRACE_S)
            worker.discard_trainer()
