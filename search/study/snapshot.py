"""A snapshot of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from search.study.alive import is_alive
from search.study.reasons import counted
from search.study.reported_metrics import reported_metrics
from search.study.result_log import ResultLog
from spaces.metrics import MetricName
from storage import SharedStudy
from storage.ending import Ended
from storage.objective import Objective
from storage.records import FinishedSlot, OutcomeState, SlotCounts, UnderWay, WorkerRow

PACE_WINDOW = 30
MOST_CURVES = 16
SECONDS_PER_HOUR = 3600.0

WorkerActivity = Literal["at work", "idle", "lost"]


@dataclass(frozen=True)
class Best:
    """The best completed trial so far: its number and its objective's value."""

    number: int
    value: float


@dataclass(frozen=True)
class WorkerStatus:
    """A worker that hasn't left: its host, its activity, when it was last seen, and its trainer's memory in MB.

    `trial`, `epoch` (the epochs done of it) and `seconds_per_epoch` are None where there is none yet; `steps` are those
    done of an epoch that takes seconds, and all of them.
    """

    host: str
    device: str
    pid: int
    activity: WorkerActivity
    trial: int | None
    epoch: int | None
    seconds_per_epoch: float | None
    seen_s: float
    memory_mb: float | None
    steps: tuple[int, int] | None = None


@dataclass(frozen=True)
class Snapshot:
    """How far a study is. `best` is None until a trial is complete; `incumbents` are the trials that were the best when
    they ended; `epochs` counts those of all trials; `pace` is in trials per hour, None while no worker is active or
    nothing is finished yet; `epochs_per_trial` is what a full trial has; `failures` and `infeasible` count trials by
    the reason that ended them so; `ended` is what has ended the search early, None if nothing has. Only a snapshot with
    details has the parameters of the best trial, `best_params`, the metrics that the study reports of it,
    `best_metrics`, and `curves`, the objective after each epoch of trials that run, by trial.
    """

    counts: SlotCounts
    best: Best | None
    epochs: int
    stop_reason: str | None
    incumbents: tuple[Best, ...] = ()
    workers: tuple[WorkerStatus, ...] = ()
    failures: Mapping[str, int] = field(default_factory=dict)
    infeasible: Mapping[str, int] = field(default_factory=dict)
    pace: float | None = None
    epochs_per_trial: int | None = None
    ended: Ended | None = None
    best_params: Mapping[str, Any] = field(default_factory=dict)
    best_metrics: Mapping[MetricName, float] = field(default_factory=dict)
    curves: Mapping[int, tuple[float, ...]] = field(default_factory=dict)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this pace; None where there is no pace. Few of the paused trials go on."""
        to_do = self.counts.waiting + self.counts.leased
        return to_do / self.pace * SECONDS_PER_HOUR if self.pace else None

    @property
    def open(self) -> int:
        """How many trials have no result yet."""
        return self.counts.total - self.counts.finished

    @property
    def over(self) -> bool:
        """Whether every trial that was ordered has its result."""
        return self.open == 0


def take_snapshot(shared: SharedStudy, results: ResultLog | None = None) -> Snapshot:
    """The study as the ledger has it now. `results` are those of earlier snapshots, if there are any.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    ledger, workers = shared.ledger, [worker for worker in shared.workers.all() if worker.left is None]
    counts = ledger.counts()
    outcomes = (results or ResultLog(ledger)).read(counts.finished)
    incumbents = running_best(outcomes, shared.manifest.goal)
    return Snapshot(
        counts=counts,
        best=find_best(shared, outcomes),
        epochs=ledger.epoch_count(),
        stop_reason=ledger.stop_reason(),
        incumbents=incumbents,
        workers=worker_statuses(workers, ledger.under_way()),
        failures=reasons(outcomes, "failed"),
        infeasible=reasons(outcomes, "infeasible"),
        pace=pace(outcomes, workers, ledger.now(), shared.promotion.paused_at()),
        epochs_per_trial=shared.manifest.epochs_per_trial,
        ended=ledger.ended(),
    )


def take_details(shared: SharedStudy, snapshot: Snapshot) -> Snapshot:
    """The snapshot with what the live view shows of the best trial, and of the first few that run.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    running = [worker.trial for worker in snapshot.workers if worker.trial is not None][:MOST_CURVES]
    goal, best = shared.manifest.goal, snapshot.best
    measured = [best.number] if best is not None and shared.manifest.report_metrics else []
    epochs = shared.ledger.curves([*running, *measured])
    curves = {
        number: tuple(value for scores in epochs[number] if (value := goal.of(scores)) is not None)
        for number in sorted(set(running) & epochs.keys())
    }
    if best is None:
        return replace(snapshot, curves=curves)
    return replace(
        snapshot,
        best_params=shared.trials.get(best.number).params,
        best_metrics=reported_metrics(shared.manifest, epochs.get(best.number, ()), best.value),
        curves=curves,
    )


def find_best(shared: SharedStudy, outcomes: Sequence[FinishedSlot] | None = None) -> Best | None:
    """The best completed trial; of equals, the earlier one. `outcomes` are the study's, if at hand."""
    goal = shared.manifest.goal
    complete = [
        Best(done.trial_number, done.outcome.value)
        for done in (shared.ledger.best(goal, 1) if outcomes is None else outcomes)
        if done.outcome.state == "complete" and done.outcome.value is not None and done.trial_number is not None
    ]
    ranked = goal.ranked(complete, lambda best: (best.value, best.number))
    return ranked[0] if ranked else None


def running_best(outcomes: Sequence[FinishedSlot], goal: Objective) -> tuple[Best, ...]:
    """Each completed trial that was better than all that had finished before it."""
    found = list[Best]()
    for done in outcomes:
        value = done.outcome.value
        if done.outcome.state != "complete" or value is None or done.trial_number is None:
            continue
        if not found or goal.better(value, found[-1].value):
            found.append(Best(done.trial_number, value))
    return tuple(found)


def reasons(outcomes: Sequence[FinishedSlot], state: OutcomeState) -> dict[str, int]:
    """How often each reason ended a trial in that state, the most frequent first; of failures with their kind."""
    ended = [done.outcome for done in outcomes if done.outcome.state == state]
    kinds = [f"{outcome.kind or 'unknown'}: " if state == "failed" else "" for outcome in ended]
    words = [outcome.reason or "no reason was stored" for outcome in ended]
    return counted(f"{kind}{reason}" for kind, reason in zip(kinds, words, strict=True))


def pace(
    outcomes: Sequence[FinishedSlot], workers: Sequence[WorkerRow], now: float, paused_at: Sequence[float] = ()
) -> float | None:
    """Trials per hour, over the last thirty that were finished or paused since the active workers began. Times after
    `now` are of before the database's clock was set back, and tell nothing.
    """
    alive = [worker.started_at for worker in workers if is_alive(worker) and worker.started_at <= now]
    if not alive:
        return None
    since = min(alive)
    finished = sorted(at for at in (*(done.finished_at for done in outcomes), *paused_at) if since <= at <= now)
    if len(finished) > PACE_WINDOW:
        since = finished[-PACE_WINDOW - 1]
        finished = finished[-PACE_WINDOW:]
    return len(finished) / max(now - since, 1e-3) * SECONDS_PER_HOUR if finished else None


def worker_statuses(workers: Sequence[WorkerRow], under_way: Sequence[UnderWay]) -> tuple[WorkerStatus, ...]:
    """A line for each worker."""
    work = {slot.worker_id: slot for slot in under_way}
    return tuple(worker_status(worker, work.get(worker.info.worker_id)) for worker in workers)


def worker_status(worker: WorkerRow, work: UnderWay | None) -> WorkerStatus:
    """The line of one worker."""
    memory = worker.state.get("trainer_memory_mb")
    return WorkerStatus(
        host=worker.info.host,
        device=worker.info.device,
        pid=worker.info.pid,
        activity=("idle" if work is None else "at work") if is_alive(worker) else "lost",
        trial=None if work is None else work.trial_number,
        epoch=None if work is None else work.epochs,
        seconds_per_epoch=None if work is None else work.seconds_per_epoch,
        seen_s=worker.age_s,
        memory_mb=float(memory) if isinstance(memory, int | float) else None,
        steps=None if work is None else steps_of(worker.state.get("steps")),
    )


def steps_of(stored: object) -> tuple[int, int] | None:
    """The steps done of an epoch and all of its steps, as a worker's heartbeat has them; None of anything else."""
    match stored:
        case [int() as done, int() as steps] if 0 <= done <= steps > 0:
            return done, steps
        case _:
            return None
