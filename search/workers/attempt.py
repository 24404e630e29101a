"""One attempt at one slot: its trial, the training, and the outcome.

    claimed slot -> trial -> configuration -> epochs -> outcome

The ledger is the truth about a slot; Optuna's trial is written after it, idempotently, so that whatever is cut off in
between can be repeated by anybody.
"""

import logging
import time
from dataclasses import dataclass
from typing import Literal, assert_never

from search.errors import TrainerDied, TrainerUnavailable
from search.host.shutdown import Shutdown
from search.study.trial_attributes import TrialAttributes
from search.study.trials import suggest_configuration
from search.trainers.process import NotAwaited
from search.trainers.protocol import EpochEnd, Evaluated, Failed, JobMessage, Progress, Stopped, Train, Trained, Warned
from search.views.number import plural
from search.workers.context import WorkerContext
from search.workers.decision import Decision
from search.workers.deferred_settlement import DeferredSettlement
from search.workers.epoch_log import EpochLog, open_epoch_log
from search.workers.lease import LeaseKeeper
from search.workers.patience import Patience
from search.workers.running_job import RunningJob
from search.workers.settle import settle, value_to_beat
from search.workers.study_jobs import JobFiles, StudyJobs
from search.workers.trial_stats import trial_stats
from spaces.configuration import Configuration
from spaces.errors import Infeasible, SpaceError
from spaces.failure_kind import FailureKind
from spaces.limits import TRAIN_SECONDS, written
from storage.errors import LeaseLost, StorageUnreachable
from storage.masking import hide_in_text
from storage.records import FinishedSlot, Lease, Outcome, OutcomeState

log = logging.getLogger(__name__)

AttemptResult = Literal["done", "crashed", "unavailable"]
RELEASE_S = 5.0
PRUNE_S = 60.0
ENDED_BY_WORKER: frozenset[OutcomeState] = frozenset({"pruned", "infeasible"})  # while the trainer may go on
MOST_EXPIRIES = 25  # a trial that takes its workers down with it ends at last; kills of healthy ones don't come to that


class SlotReleased(Exception):
    """The slot goes back to the ledger, with its checkpoint, for another worker."""


class SlotPaused(Exception):
    """The slot is paused in the ledger, with its checkpoint: the lease is over."""


def attempt_slot(
    context: WorkerContext, lease: Lease, shutdown: Shutdown, deferred: DeferredSettlement
) -> AttemptResult:
    """Works on a claimed slot until it is finished, released, or lost to another worker. The deferred settlement of the
    previous slot is done in time; that of this slot is deferred.

    Returns the host's part: done, or its trainer crashed before a new epoch, or no trainer could be started.

    Raises:
        StorageUnreachable: the database was unreachable for longer than the worker's limit.
    """
    attempt = Attempt(context, lease, deferred, Patience(context.limits.outage_s, shutdown))
    with LeaseKeeper(context.shared.ledger, lease) as keeper:
        try:
            outcome = attempt.outcome(keeper)
            attempt.patience.reach(lambda: context.shared.ledger.finish(lease, outcome))
        except LeaseLost as error:
            log.warning("slot %d: %s; this attempt is dropped", lease.slot, error)
            attempt.stop_training()
            return "done"
        except SlotPaused:
            attempt.stop_training()
            return "done"
        except SlotReleased:
            attempt.stop_training()
            attempt.release()
            return "done"
        except TrainerUnavailable as error:
            log.warning("slot %d: %s", lease.slot, error)
            attempt.release()
            return "unavailable"
        except TrainerDied as error:
            log.warning("slot %d: %s", lease.slot, error)
            context.trainer.discard()
            attempt.release(failure=str(error))
            return attempt.result_of_crash
        except StorageUnreachable:
            attempt.stop_training()
            raise
    deferred.leave(lambda: attempt.settle(outcome))
    return attempt.result_of_crash if outcome.kind == "crash" else "done"


@dataclass
class Attempt:
    """The steps of an attempt, in the order in which `outcome` takes them."""

    context: WorkerContext
    lease: Lease
    deferred: DeferredSettlement
    patience: Patience
    _epochs: EpochLog | None = None
    _running: RunningJob | None = None
    _trained: Trained | None = None
    _stats: TrialAttributes | None = None

    def outcome(self, keeper: LeaseKeeper) -> Outcome:
        """Trains the slot's configuration, from its last checkpoint if it has one.

        Raises:
            LeaseLost: another worker holds the slot now.
            SlotReleased: the worker was told to exit.
            SlotPaused: the pruner has paused the trial.
            TrainerDied: the trainer crashed; another attempt may continue from the checkpoint.
            TrainerUnavailable: none can be started on this host.
            StorageUnreachable: the database was unreachable for too long.
        """
        context = self.context
        epochs = self._epochs = open_epoch_log(context, self.lease, self.patience)
        if (reason := self._why_given_up()) is not None:
            return _failed("crash", reason, len(epochs.recorded))
        if not self._can_go_first():
            self.deferred.do()
        try:
            configuration = self.patience.reach(
                lambda: suggest_configuration(
                    context.shared, context.space, self.lease, epochs.trial_number, context.pruner
                )
            )
        except Infeasible as veto:
            return Outcome("infeasible", None, hide_in_text(str(veto)), "infeasible")
        except SpaceError as error:
            return _failed("space_error", str(error))
        if context.mirror is not None:
            context.mirror.fetch(self.lease)
        running = self._begin(self._job(configuration))
        context.progress.steps = None
        begins = f"continues after epoch {max(epochs.recorded)}" if epochs.recorded else "begins"
        log.info("trial %d %s on worker %s", epochs.trial_number, begins, self.lease.worker_id)
        outcome = self._follow(running, keeper, epochs)
        if outcome.state in ENDED_BY_WORKER:
            running.stop()
        self._stats = trial_stats(running.ready, self._trained, epochs.seconds, context.trainer.memory_mb())
        return outcome

    @property
    def result_of_crash(self) -> AttemptResult:
        """The host's part in an attempt that crashed: after new epochs it isn't suspect."""
        return "done" if self._epochs is not None and self._epochs.progressed else "crashed"

    def release(self, failure: str | None = None) -> None:
        """Releases the slot for another attempt; `failure` is what went wrong in this one."""
        told = None if failure is None else hide_in_text(failure)
        try:
            failures = self.patience.reach(lambda: self.context.shared.ledger.release(self.lease, failure=told))
        except LeaseLost as error:
            log.warning("slot %d wasn't this worker's any more: %s", self.lease.slot, error)
        else:
            log.info("slot %d is released, after %d failed attempts in a row", self.lease.slot, failures)

    def stop_training(self) -> None:
        """Makes the trainer stop the job, so that the slot can be released."""
        if self._running is not None:
            self._running.stop()
            self._running.wait_until_left(RELEASE_S, give_up=lambda: False)

    def settle(self, outcome: Outcome) -> None:
        """Settles the finished slot's trial."""
        if self._running is not None and outcome.state in ENDED_BY_WORKER:
            # Files that the trainer writes after the slot's folder is cleared would stay there.
            self._running.wait_until_left(PRUNE_S, give_up=lambda: self.patience.shutdown.requested)
        number = None if self._epochs is None else self._epochs.trial_number
        finished = FinishedSlot(
            slot=self.lease.slot,
            trial_number=number,
            outcome=outcome,
            confirmed=False,
            finished_at=time.time(),
            token=self.lease.token,
            worker_id=self.lease.worker_id,
        )
        self.patience.reach(lambda: settle(self.context.shared, self.context.folder, finished, self._stats))
        if self.context.mirror is not None:
            self.context.mirror.remove(self.lease.slot, self.lease.token)
        words = "" if outcome.value is None else f": {self.context.shared.manifest.objective} {outcome.value:.4f}"
        reason = f"; {outcome.reason}" if outcome.reason else ""
        log.info(
            "trial %s is %s after %s on worker %s%s%s",
            "without a number" if number is None else number,
            outcome.state,
            plural(outcome.epochs, "epoch"),
            self.lease.worker_id,
            words,
            reason,
        )

    def _why_given_up(self) -> str | None:
        """Why the slot isn't attempted any more, None if it is."""
        failures, expiries = self.lease.failures, self.lease.expiries
        if failures >= self.context.shared.manifest.max_attempts:
            reason = f"{failures} attempts in a row ended without a new epoch"
        elif expiries >= MOST_EXPIRIES:
            reason = f"{expiries} workers in a row were lost with it before a new epoch"
        else:
            return None
        return f"{reason}; the last: {self.lease.last_failure}" if self.lease.last_failure else reason

    def _can_go_first(self) -> bool:
        """Whether this slot's training may start before the previous slot is settled: its parameters are
        fixed, so they depend on no other trial.
        """
        context = self.context
        return self.lease.params is not None and context.trainer.current is not None and context.mirror is None

    def _job(self, configuration: Configuration) -> Train:
        context, lease = self.context, self.lease
        files = JobFiles(
            checkpoints=context.folder.slot(lease.slot),
            model=context.folder.model(lease.slot, lease.token, lease.worker_id),
            token=lease.token,
            owner=f"{context.shared.key.stamp}/{lease.slot}",
        )
        jobs = StudyJobs(context.shared.manifest, context.space_ref, context.data)
        to_beat = self.patience.reach(lambda: value_to_beat(context.shared))
        return jobs.train(context.trainer.next_job(), configuration, lease, files, to_beat)

    def _begin(self, job: Train) -> RunningJob:
        """Sends the trainer the job, and then settles the previous slot. If that ends the trainer, another
        gets the job.
        """
        while True:
            try:
                self._running = self.context.trainer.train(job, give_up=lambda: self.patience.shutdown.requested)
            except NotAwaited:
                raise SlotReleased from None
            self.deferred.do()
            if self._running.held:
                return self._running

    def _follow(self, running: RunningJob, keeper: LeaseKeeper, epochs: EpochLog) -> Outcome:
        began = time.monotonic()
        while True:
            keeper.check()
            if self.patience.shutdown.requested or self.context.job_end.is_near:
                raise SlotReleased
            outcome = self._exceeded(time.monotonic() - began, epochs)
            if outcome is not None:
                self.context.trainer.discard()
                return outcome
            message = running.receive()
            outcome = None if message is None else self._take(message, epochs)
            if isinstance(message, EpochEnd):
                keeper.note_report()
            if outcome is not None:
                return outcome

    def _take(self, message: JobMessage, epochs: EpochLog) -> Outcome | None:
        match message:
            case Warned():
                log.warning("trial %d: %s", epochs.trial_number, message.message)
            case Progress():
                self.context.progress.steps = (message.done, message.steps)
            case EpochEnd():
                self.context.progress.steps = None
                decision = epochs.record(message)
                return self._beyond_limits(epochs) or self._heed(decision, epochs)
            case Trained():
                self._trained = message
                return trained_outcome(message, epochs)
            case Failed():
                return self._failure(message, epochs)
            case Evaluated() | Stopped():
                pass
            case _:
                assert_never(message)
        return None

    def _heed(self, decision: Decision, epochs: EpochLog) -> Outcome | None:
        """Does what was decided after an epoch.

        Raises:
            SlotPaused: the trial is paused.
            SlotReleased: epochs are to come and none fits before the worker's job ends, or the study doesn't want the
                worker any more: nothing is lost now.
        """
        match decision:
            case Decision.CONTINUE:
                stays = self.context.job_end.fits_epoch and self.context.assignment.wanted
                if epochs.last < self.context.shared.manifest.epochs_per_trial and not stays:
                    raise SlotReleased
                return None
            case Decision.STOP:
                return Outcome("pruned", epochs.value(), "worse than others after as many epochs", None, epochs.last)
            case Decision.PAUSE:
                log.info("trial %d is paused after %s", epochs.trial_number, plural(epochs.last, "epoch"))
                raise SlotPaused
            case _:
                assert_never(decision)

    def _failure(self, message: Failed, epochs: EpochLog) -> Outcome:
        """How the trial ends of a job that its trainer couldn't do."""
        if message.kind == "infeasible":
            return Outcome("infeasible", None, hide_in_text(message.reason), "infeasible", epochs.last)
        if message.kind in ("out_of_memory", "crash"):
            self.context.trainer.discard()  # its state is unknown
        return _failed(message.kind, message.reason, epochs.last)

    def _beyond_limits(self, epochs: EpochLog) -> Outcome | None:
        """The end of a trial whose epochs take longer than the study allows."""
        most = self.context.shared.manifest.limits.get(TRAIN_SECONDS)
        seconds = sum(epochs.seconds)
        if most is None or seconds <= most:
            return None
        reason = f"{TRAIN_SECONDS} {seconds:.3g} is more than {written(most)}"
        return Outcome("infeasible", epochs.value(), reason, "infeasible", epochs.last)

    def _exceeded(self, seconds: float, epochs: EpochLog) -> Outcome | None:
        limits = self.context.limits
        if limits.trial_timeout_s is not None and seconds > limits.trial_timeout_s:
            return _failed("timeout", f"not finished after {limits.trial_timeout_s:g} s", epochs.last)
        if limits.trial_memory_mb is not None and self.context.trainer.memory_mb() > limits.trial_memory_mb:
            reason = f"the trainer held more than {limits.trial_memory_mb:.0f} MB"
            return _failed("out_of_memory", reason, epochs.last)
        return None


def trained_outcome(message: Trained, epochs: EpochLog) -> Outcome:
    """The outcome of a trial that was trained to its end."""
    if message.diverged is not None:
        return Outcome("diverged", None, message.diverged, "diverged", epochs.last)
    value = epochs.value(message.kept_epoch)
    if value is None:
        return Outcome("diverged", None, "the objective of the last epoch is not a number", "diverged", epochs.last)
    return Outcome("complete", value, ending(message), None, epochs.last)


def ending(message: Trained) -> str | None:
    """Why a completed trial ended early, and the epoch of its value and model, if it isn't the last."""
    kept = None if message.kept_epoch in (None, message.epochs) else f"kept the model of epoch {message.kept_epoch}"
    return "; ".join(part for part in (message.over, kept) if part is not None) or None


def _failed(kind: FailureKind, reason: str, epochs: int = 0) -> Outcome:
    return Outcome("failed", None, hide_in_text(reason), kind, epochs)
