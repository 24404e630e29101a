"""One attempt at one slot: its trial, the training, and the outcome.

    claimed slot -> trial -> configuration -> epochs -> outcome

The ledger is the truth about a slot; Optuna's trial is written after it, idempotently, so that whatever is cut off in
between can be repeated by anybody.
"""

import logging
import math
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from search.errors import TrainerDied, TrainerUnavailable
from search.host.shutdown import Shutdown
from search.study.baselines import BASELINE
from search.study.trials import open_trial, report, should_prune, suggest_configuration
from search.trainers.process import NotAwaited
from search.trainers.protocol import EpochEnd, Evaluated, Failed, JobMessage, Ready, Stopped, Train, Trained, Warned
from search.workers.aftermath import Aftermath
from search.workers.lease import LeaseKeeper
from search.workers.running_job import RunningJob
from search.workers.settle import Facts, settle, value_to_beat
from search.workers.study_jobs import JobFiles, StudyJobs
from search.workers.workbench import Workbench
from spaces.configuration import Configuration
from spaces.epoch_scores import EpochScores
from spaces.errors import SpaceError
from storage.errors import LeaseLost, StorageUnreachable
from storage.masking import hide_in_text
from storage.records import FinishedSlot, Lease, Outcome
from storage.retry import sit_out

log = logging.getLogger(__name__)

T = TypeVar("T")
HostPart = Literal["done", "crashed", "unavailable"]
RELEASE_S = 5.0
PRUNE_S = 60.0
MOST_EXPIRIES = 25  # a trial that takes its workers down with it ends at last; kills of healthy ones don't come to that


class Released(Exception):
    """The slot goes back to the ledger, with its checkpoint, for somebody else."""


def attempt_slot(bench: Workbench, lease: Lease, shutdown: Shutdown, aftermath: Aftermath) -> HostPart:
    """Works on a claimed slot until it is finished, released, or lost to another worker. What the slot before left is
    done in time; this one leaves the settling of its trial.

    Returns what the host did: its part, or its trainer crashed before there was a new epoch, or it couldn't start one.

    Raises:
        StorageUnreachable: the database was away for longer than the worker's limit.
    """
    attempt = Attempt(bench, lease, shutdown, aftermath)
    with LeaseKeeper(bench.shared.ledger, lease) as keeper:
        try:
            outcome = attempt.outcome(keeper)
            attempt.reach(lambda: bench.shared.ledger.finish(lease, outcome))
        except LeaseLost as error:
            log.warning("slot %d: %s; this attempt is dropped", lease.slot, error)
            attempt.stop_training()
            return "done"
        except Released:
            attempt.stop_training()
            attempt.release()
            return "done"
        except TrainerUnavailable as error:
            log.warning("slot %d: %s", lease.slot, error)
            attempt.release()
            return "unavailable"
        except TrainerDied as error:
            log.warning("slot %d: %s", lease.slot, error)
            bench.trainer.discard()
            attempt.release(failure=str(error))
            return attempt.part_in_crash
        except StorageUnreachable:
            attempt.stop_training()
            raise
    aftermath.leave(lambda: attempt.settle(outcome))
    return attempt.part_in_crash if outcome.kind == "crash" else "done"


@dataclass
class Attempt:
    """The steps of an attempt, in the order in which `outcome` takes them."""

    bench: Workbench
    lease: Lease
    shutdown: Shutdown
    aftermath: Aftermath
    _number: int = -1
    _running: RunningJob | None = None
    _facts: Facts | None = None
    _value: float | None = None
    _values: dict[int, float | None] = field(default_factory=dict)
    _epochs: int = 0
    _recorded: dict[int, EpochScores] = field(default_factory=dict)
    _started_over: bool = False
    _progressed: bool = False
    _parameters: int | None = None
    _model_problem: str | None = None
    _peak_memory_mb: float | None = None
    _seconds: list[float] = field(default_factory=list)

    def outcome(self, keeper: LeaseKeeper) -> Outcome:
        """Trains the slot's configuration, from its last checkpoint if it has one.

        Raises:
            LeaseLost: another worker holds the slot now.
            Released: the worker was asked to leave.
            TrainerDied: the trainer crashed; another attempt may go on from the checkpoint.
            TrainerUnavailable: there is none to be had on this host.
            StorageUnreachable: the database was away for too long.
        """
        shared = self.bench.shared
        self._number = self.reach(lambda: open_trial(shared, self.bench.space, self.lease))
        self._recorded = self.reach(lambda: {row.epoch: row for row in shared.ledger.epochs(self._number)})
        if self.lease.failures >= shared.manifest.max_attempts:
            return self._given_up(f"{self.lease.failures} attempts in a row ended without a new epoch")
        if self.lease.expiries >= MOST_EXPIRIES:
            return self._given_up(f"{self.lease.expiries} workers in a row were lost with it before a new epoch")
        if not self._can_go_first():
            self.aftermath.do()
        try:
            configuration = self.reach(
                lambda: suggest_configuration(shared, self.bench.space, self.lease, self._number)
            )
        except SpaceError as error:
            return self._failed("space_error", str(error))
        if self.bench.mirror is not None:
            self.bench.mirror.fetch(self.lease)
        running = self._begin(self._job(configuration))
        outcome = self._follow(running, keeper)
        if outcome.state == "pruned":
            running.stop()
        self._facts = self._gather_facts(running.ready)
        return outcome

    @property
    def part_in_crash(self) -> HostPart:
        """What the host did in an attempt that crashed: one on which epochs were trained in it isn't suspect."""
        return "done" if self._progressed else "crashed"

    def reach(self, action: Callable[[], T]) -> T:
        """Does something idempotent with the database, sitting out its absence."""
        return sit_out(action, self.bench.limits.outage_s, give_up=lambda: self.shutdown.requested)

    def release(self, failure: str | None = None) -> None:
        """Gives the slot back for another attempt; `failure` says what went wrong in this one."""
        told = None if failure is None else hide_in_text(failure)
        try:
            failures = self.reach(lambda: self.bench.shared.ledger.release(self.lease, failure=told))
        except LeaseLost as error:
            log.warning("slot %d wasn't this worker's any more: %s", self.lease.slot, error)
        else:
            log.info("slot %d is released, after %d failed attempts in a row", self.lease.slot, failures)

    def stop_training(self) -> None:
        """Has the trainer leave the job, so that the slot can be released."""
        if self._running is not None:
            self._running.stop()
            self._running.wait_until_left(RELEASE_S, give_up=lambda: False)

    def settle(self, outcome: Outcome) -> None:
        """Brings the finished slot's trial to its end."""
        if self._running is not None and outcome.state == "pruned":
            # What the trainer writes after the slot's folder is cleared would stay there.
            self._running.wait_until_left(PRUNE_S, give_up=lambda: self.shutdown.requested)
        finished = FinishedSlot(
            slot=self.lease.slot,
            trial_number=self._number,
            outcome=outcome,
            confirmed=False,
            finished_at=time.time(),
            token=self.lease.token,
            worker_id=self.lease.worker_id,
        )
        self.reach(lambda: settle(self.bench.shared, self.bench.folder, finished, self._facts))
        if self.bench.mirror is not None:
            self.bench.mirror.remove(self.lease)
        words = "" if outcome.value is None else f" {self.bench.shared.manifest.objective} {outcome.value:.4f}"
        reason = f": {outcome.reason}" if outcome.reason else ""
        log.info("trial %d %s after %d epochs%s%s", self._number, outcome.state, outcome.epochs, words, reason)

    def _can_go_first(self) -> bool:
        """Whether this slot's training may begin before the slot before is settled: it takes no time, and what is
        trained depends on no other trial.
        """
        bench = self.bench
        return self.lease.params is not None and bench.trainer.current is not None and bench.mirror is None

    def _job(self, configuration: Configuration) -> Train:
        context, lease = self.bench, self.lease
        files = JobFiles(
            checkpoints=context.folder.slot(lease.slot),
            model=context.folder.model(lease.slot, lease.token, lease.worker_id),
            token=lease.token,
            owner=f"{context.shared.key.stamp}/{lease.slot}",
        )
        jobs = StudyJobs(context.shared.manifest, context.space_ref, context.data)
        to_beat = self.reach(lambda: value_to_beat(context.shared))
        return jobs.train(context.trainer.next_job(), configuration, lease, files, to_beat)

    def _begin(self, job: Train) -> RunningJob:
        """Hands the trainer the job, and then does what the slot before has left. Should that end the trainer, another
        gets the job.
        """
        while True:
            try:
                self._running = self.bench.trainer.train(job, give_up=lambda: self.shutdown.requested)
            except NotAwaited:
                raise Released from None
            self.aftermath.do()
            if self._running.held:
                return self._running

    def _follow(self, running: RunningJob, keeper: LeaseKeeper) -> Outcome:
        began = time.monotonic()
        while True:
            keeper.check()
            if self.shutdown.requested or self.bench.job_end.is_near:
                raise Released
            outcome = self._exceeded(time.monotonic() - began)
            if outcome is not None:
                self.bench.trainer.discard()
                return outcome
            message = running.receive()
            outcome = None if message is None else self._take(message)
            if outcome is not None:
                return outcome

    def _take(self, message: JobMessage) -> Outcome | None:
        match message:
            case Warned():
                log.warning("trial %d: %s", self._number, message.message)
            case EpochEnd():
                if self._record(message):
                    return self._pruned()
                self._require_time(message)
            case Trained():
                return self._trained(message)
            case Failed():
                return self._trainer_failed(message)
            case Evaluated() | Stopped():
                pass
        return None

    def _require_time(self, last: EpochEnd) -> None:
        """Raises Released if epochs are to come, and none fits before the worker's job ends: nothing is lost now."""
        if last.scores.epoch < self.bench.shared.manifest.epochs and not self.bench.job_end.fits_epoch:
            raise Released

    def _exceeded(self, seconds: float) -> Outcome | None:
        limits = self.bench.limits
        if limits.trial_timeout_s is not None and seconds > limits.trial_timeout_s:
            return self._failed("timeout", f"not finished after {limits.trial_timeout_s:g} s")
        if limits.trial_memory_mb is not None and self.bench.trainer.memory_mb() > limits.trial_memory_mb:
            return self._failed("out_of_memory", f"the trainer held more than {limits.trial_memory_mb:.0f} MB")
        return None

    def _record(self, message: EpochEnd) -> bool:
        """Stores an epoch, in the ledger and then in the trial; whether the pruner ends the trial here."""
        shared = self.bench.shared
        # What an earlier attempt has recorded stands, and is what is reported.
        scores = self._recorded.get(message.scores.epoch, message.scores)
        self._note_if_repeated(message)
        if self.bench.mirror is not None and not message.replayed:
            self.bench.mirror.put(self.lease)
        self._progressed |= self.reach(lambda: shared.ledger.record_epoch(self.lease, scores))
        value = shared.manifest.goal.of(scores)
        self.reach(lambda: report(shared, self._number, math.nan if value is None else value, scores.epoch))
        self._value, self._epochs = value, scores.epoch
        self._values[scores.epoch] = value
        self._seconds.append(scores.seconds)
        self.bench.job_end.note_epoch(scores.seconds)
        # An earlier attempt passed the pruner after each epoch but its last one, where it may have been cut off before.
        to_judge = len(self._recorded) <= scores.epoch < shared.manifest.epochs
        to_judge = to_judge and BASELINE not in (self.lease.settings or {})
        return to_judge and self.reach(lambda: should_prune(shared, self._number))

    def _note_if_repeated(self, message: EpochEnd) -> None:
        """Says, once, that epochs which an earlier attempt has recorded are trained again: a checkpoint is missing."""
        if message.replayed or message.scores.epoch not in self._recorded or self._started_over:
            return
        self._started_over = True
        log.warning(
            "trial %d starts again from epoch %d, of %d that are recorded: there is no later checkpoint in %s. "
            "Is the artifact folder the same for all hosts?",
            self._number,
            message.scores.epoch,
            len(self._recorded),
            self.bench.folder.slot(self.lease.slot),
        )

    def _pruned(self) -> Outcome:
        return Outcome("pruned", self._value, "worse than others after as many epochs", None, self._epochs)

    def _trained(self, message: Trained) -> Outcome:
        if message.diverged is not None:
            return Outcome("diverged", None, message.diverged, "diverged", self._epochs)
        self._parameters, self._peak_memory_mb = message.parameters, message.peak_memory_mb
        self._model_problem = message.not_kept
        value = self._values.get(message.kept_epoch or self._epochs)
        if value is None:
            return Outcome(
                "diverged", None, "the objective of the last epoch is not a number", "diverged", self._epochs
            )
        return Outcome("complete", value, ending(message), None, self._epochs)

    def _trainer_failed(self, message: Failed) -> Outcome:
        if message.kind in ("out_of_memory", "crash"):
            self.bench.trainer.discard()  # who knows what state it is in
        return self._failed(message.kind, message.reason)

    def _given_up(self, why: str) -> Outcome:
        self._epochs = len(self._recorded)
        last = f"; the last: {self.lease.last_failure}" if self.lease.last_failure else ""
        return self._failed("crash", why + last)

    def _gather_facts(self, ready: Ready) -> Facts:
        return Facts(
            host=socket.gethostname(),
            device=ready.device,
            backend=ready.backend,
            parameters=self._parameters,
            model_problem=self._model_problem,
            epoch_seconds=statistics.median(self._seconds) if self._seconds else None,
            trainer_memory_mb=round(self.bench.trainer.memory_mb()),
            trainer_peak_memory_mb=None if self._peak_memory_mb is None else round(self._peak_memory_mb),
        )

    def _failed(self, kind: str, reason: str) -> Outcome:
        return Outcome("failed", None, hide_in_text(reason), kind, self._epochs)


def ending(message: Trained) -> str | None:
    """Why a completed trial ended before its last epoch, and which epoch its value and model are those of, if not of
    the last.
    """
    kept = None if message.kept_epoch in (None, message.epochs) else f"kept the model of epoch {message.kept_epoch}"
    return "; ".join(part for part in (message.over, kept) if part is not None) or None
