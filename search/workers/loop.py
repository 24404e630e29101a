"""The loop of a worker: claims slots of the shared study and works on them until none is left."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from search.errors import Quarantined
from search.host.block_thread import BlockThread
from search.host.shutdown import Shutdown
from search.study.reasons import without_numbers
from search.workers.attempt import AttemptResult, attempt_slot
from search.workers.concluding import clean_up
from search.workers.context import WorkerContext
from search.workers.deferred_settlement import DeferredSettlement
from search.workers.idle_pause import idle_pause
from search.workers.paused import end_paused, next_lease
from search.workers.settle import settle
from storage import SharedStudy
from storage.errors import StorageError, StorageUnreachable
from storage.records import Lease, Unclaimed

log = logging.getLogger(__name__)

BEAT_S = 5.0
SETTLE_AFTER_S = 5.0
ALL_FAILING_AFTER = 3
QUARANTINE_AFTER = 3
OUTAGE_POLL_S = 2.0


class Heartbeat(BlockThread):
    """Sends the study a heartbeat every few seconds until the `with` block ends."""

    def __init__(self, context: WorkerContext) -> None:
        super().__init__("heartbeat")
        self._context = context

    def _run(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                context = self._context
                state = {"trainer_memory_mb": round(context.trainer.memory_mb()), "steps": context.progress.steps}
                context.assignment.told = context.shared.queue.beat(context.worker_id, **state)
            except StorageError as error:  # the worker's next claim or write reveals the consequences
                log.debug("no sign of life could be left: %s", error)


def work(
    context: WorkerContext, shutdown: Shutdown, deadline: float, needed_elsewhere: Callable[[], bool] | None = None
) -> bool:
    """Claims and attempts slots until all of the study's are done, a stop is asked for, the deadline
    (`time.monotonic()`) has passed, or no epoch fits before the job ends. If the database is unreachable for longer
    than the limit, the current slot is given up, and the worker waits; so it does while the study doesn't want it.

    A worker that serves other studies too gives `needed_elsewhere`: instead of waiting it leaves, and it does so before
    a slot if it is needed elsewhere.

    Returns whether nothing is left to do.

    Raises:
        Quarantined: nothing works on this host.
        StudyNotFound: the study was deleted.
    """
    orphans, streak, worked_last = OrphanSettler(context), FailureStreak(), False
    all_failing = AllFailing(context.shared)
    source, busy_until = random.Random(), time.monotonic()  # noqa: S311 - it spreads questions, and keeps no secret
    with DeferredSettlement() as deferred:
        while not shutdown.requested and time.monotonic() < deadline and context.job_end.fits_epoch:
            try:
                if needed_elsewhere is not None and needed_elsewhere():
                    break
                if not context.assignment.wanted:
                    deferred.do()
                    shutdown.wait(idle_pause(time.monotonic() - busy_until, source))
                    continue
                found = next_lease(context)
                if isinstance(found, Lease):
                    worked_last = True
                    streak.note(found.slot, attempt_slot(context, found, shutdown, deferred))
                    context.trainer.replace_if_worn()
                    all_failing.stop()
                    busy_until = time.monotonic()
                    continue
                deferred.do()
                if nothing_left(context, found):
                    clean_up(context, worked_last=worked_last)
                    return True
                worked_last = False
                orphans.settle(found)
                if needed_elsewhere is not None and not context.shared.ledger.unconfirmed():
                    break
                shutdown.wait(idle_pause(time.monotonic() - busy_until, source))
            except StorageUnreachable as error:
                log.warning("waiting for the database: %s", error)
                shutdown.wait(OUTAGE_POLL_S)
    return ended_meanwhile(context.shared)


def nothing_left(context: WorkerContext, found: Unclaimed) -> bool:
    """Whether nothing is left to do after a claim in vain, and after what is paused for good was ended."""
    closed = end_paused(context.shared, context.folder)
    goes_on = found.has_open and not (found.is_stopped or found.has_unsettled or closed)
    return not goes_on and no_more_work(context.shared)


def ended_meanwhile(shared: SharedStudy) -> bool:
    """Whether no trials are left at the end; false if the database doesn't answer."""
    try:
        return no_more_work(shared)
    except StorageUnreachable:
        return False


@dataclass
class FailureStreak:
    """The streak of failures on this worker for reasons that may be its host's."""

    _slots: set[int] = field(default_factory=set)
    _unavailable: int = 0

    def note(self, slot: int, part: AttemptResult) -> None:
        """Records the result of an attempt.

        Raises:
            Quarantined: three slots in a row crashed, or three times in a row no trainer could be started. A single
                slot that crashes repeatedly is that slot's fault.
        """
        if part == "done":
            self._slots.clear()
        else:
            self._slots.add(slot)
        self._unavailable = self._unavailable + 1 if part == "unavailable" else 0
        if max(len(self._slots), self._unavailable) >= QUARANTINE_AFTER:
            raise Quarantined(
                f"{QUARANTINE_AFTER} times in a row the trainer failed on this worker, last with slot {slot}: "
                "it stops claiming. Its log and the trainer's say why; restart it when that is fixed"
            )


def no_more_work(shared: SharedStudy) -> bool:
    """Whether no slot can become claimable any more: all are settled, or the study is stopped."""
    return shared.ledger.left().is_over


@dataclass
class OrphanSettler:
    """Finished slots whose workers died before they could settle the trial."""

    context: WorkerContext
    _seen: dict[int, float] = field(default_factory=dict)

    def settle(self, found: Unclaimed) -> None:
        """Settles those that no other process has settled for a while; call it after each claim in vain."""
        if not found.has_unsettled:
            return
        now = time.monotonic()
        for finished in self.context.shared.ledger.unconfirmed():
            if now - self._seen.setdefault(finished.slot, now) > SETTLE_AFTER_S:
                settle(self.context.shared, self.context.folder, finished)


@dataclass
class AllFailing:
    """Stops a study whose first trials all failed for the same reason, with no success since: the rest would fail, too.

    Reasons that only differ in numbers (a parameter, a time, an address) are the same. Once any trial has come further,
    the study isn't asked any more.
    """

    shared: SharedStudy
    _any_better: bool = False

    def stop(self) -> None:
        """Stops the study if that is so."""
        if self._any_better:
            return
        counts = self.shared.ledger.counts()
        self._any_better = counts.failed < counts.finished or counts.paused > 0
        if self._any_better or counts.failed < ALL_FAILING_AFTER:
            return
        first = [finished.outcome for finished in self.shared.ledger.outcomes(ALL_FAILING_AFTER)]
        if len({(outcome.kind, without_numbers(outcome.reason or "")) for outcome in first}) == 1:
            kind, reason = first[0].kind, first[0].reason
            why = f"the first {ALL_FAILING_AFTER} trials all failed for the same reason ({kind}): {reason}"
            self.shared.ledger.stop(why)
