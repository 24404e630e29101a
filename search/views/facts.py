"""A snapshot of a study as one frozen record, shown by the launch's summary, notes, JSON, reports, notebooks and
figures.

The ledger decides how a trial ended, with which value and why. Optuna's record of the trial adds what the ledger
doesn't keep: the parameters, and measurements of the worker. Trials that other programs have added are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from search.study.class_results import ClassResults, stored_class_results
from search.study.race_answer import RaceAnswer, stored_answer
from search.study.reasons import counted
from search.study.reported_metrics import reported_metrics
from search.study.snapshot import Snapshot, take_snapshot
from search.study.test_score import TestScore, last_of_search, recorded_looks
from search.study.trial_attributes import TrialAttributes
from spaces.epoch_scores import EpochScores
from spaces.metrics import MetricName
from storage import Manifest, SharedStudy
from storage.records import OutcomeState, SlotCounts, SlotRow, WorkerRow

TOP = 5
State = OutcomeState | Literal["running", "paused"]


@dataclass(frozen=True)
class TrialFacts:
    """One trial: `frozen` is Optuna's record of it, `slot` the ledger's.

    `value` is the objective's last one, of pruned and running trials too, None before the first epoch; `metrics` are
    those that the study reports, after the epoch of that value; `curve` are its epochs in order; `worker` names the one
    that had it last, `device` what it ran on.
    """

    frozen: FrozenTrial
    slot: SlotRow
    value: float | None
    curve: tuple[EpochScores, ...]
    worker: str
    device: str
    metrics: Mapping[MetricName, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        """A summary for notebooks."""
        shown = {"number": self.number, "state": self.state, "value": self.value, "params": dict(self.params)}
        return f"TrialFacts({', '.join(f'{name}={value!r}' for name, value in shown.items())}, epochs={self.epochs})"

    @property
    def number(self) -> int:
        """The trial's number in the study, counted from 0."""
        return self.frozen.number

    @property
    def state(self) -> State:
        """How it ended."""
        if self.slot.outcome is not None:
            return self.slot.outcome.state
        return "paused" if self.slot.state == "paused" else "running"

    @property
    def complete(self) -> bool:
        """Whether it ran through all its epochs."""
        return self.state == "complete"

    @property
    def epochs(self) -> int:
        """How many epochs were trained."""
        return len(self.curve) if self.slot.outcome is None else self.slot.outcome.epochs

    @property
    def params(self) -> Mapping[str, Any]:
        """Its parameters by name."""
        return self.frozen.params

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """What they were drawn from."""
        return self.frozen.distributions

    @property
    def began(self) -> datetime | None:
        """When it was created, by the clock of its worker's host."""
        return self.frozen.datetime_start

    @property
    def ended(self) -> datetime | None:
        """When it ended, None while it runs."""
        return self.frozen.datetime_complete

    @property
    def attempts(self) -> int:
        """How often it was begun or resumed."""
        return self.slot.token

    @property
    def baseline(self) -> str | None:
        """The name of the baseline that it is, None for any other trial."""
        return self.slot.settings.baseline

    @property
    def kind(self) -> str | None:
        """The kind of failure, None unless it failed."""
        return self.slot.outcome.kind if self.slot.outcome is not None and self.state == "failed" else None

    @property
    def reason(self) -> str:
        """Why it didn't complete, or what went wrong with it so far; "" if nothing."""
        if self.slot.outcome is None:
            return self.slot.last_failure or ""
        return f"{f'{self.kind}: ' if self.kind else ''}{self.slot.outcome.reason or ''}"

    @property
    def model_problem(self) -> str | None:
        """Why its model can't be kept, None if nothing is known against that."""
        return TrialAttributes.of(self.frozen.user_attrs).model_problem


@dataclass(frozen=True)
class StudyFacts:
    """A study at one moment: how far it is, its trials by number, and the looks at its test images in order of time.

    `answer` is what a race of its best trials found, None while none has ended; `class_results` is what its best
    trial's model takes the validation images of each class for, None while that wasn't measured.
    """

    name: str
    manifest: Manifest
    snapshot: Snapshot
    trials: tuple[TrialFacts, ...] = ()
    looks: tuple[TestScore, ...] = ()
    answer: RaceAnswer | None = None
    class_results: ClassResults | None = None

    @property
    def counts(self) -> SlotCounts:
        """How many trials there are, by state."""
        return self.snapshot.counts

    @property
    def failures(self) -> Mapping[str, int]:
        """How often each reason ended a trial as failed, the most frequent first."""
        return self.snapshot.failures

    @property
    def infeasible(self) -> Mapping[str, int]:
        """How often each reason ended a trial as infeasible, the most frequent first."""
        return self.snapshot.infeasible

    @property
    def stop_reason(self) -> str | None:
        """Why the study was stopped, None if it wasn't."""
        return self.snapshot.stop_reason

    @property
    def done(self) -> bool:
        """Whether every trial that was ordered is finished."""
        return self.snapshot.over

    @property
    def direction(self) -> StudyDirection:
        """Whether that is to be high or low, as Optuna says it."""
        return StudyDirection.MAXIMIZE if self.manifest.goal.maximize else StudyDirection.MINIMIZE

    @property
    def scored(self) -> tuple[TrialFacts, ...]:
        """The trials that have a value."""
        return tuple(trial for trial in self.trials if trial.value is not None)

    @property
    def completed(self) -> tuple[TrialFacts, ...]:
        """The completed trials, by number."""
        return tuple(trial for trial in self.scored if trial.complete)

    @property
    def ranked(self) -> tuple[TrialFacts, ...]:
        """The completed trials, best first; of equals, the earlier one."""
        return tuple(self.manifest.goal.ranked(self.completed, lambda trial: (trial.value, trial.number)))

    @property
    def top(self) -> tuple[TrialFacts, ...]:
        """The few best of them."""
        return self.ranked[:TOP]

    @property
    def best(self) -> TrialFacts | None:
        """The best completed trial, None if there is none."""
        return next(iter(self.ranked), None)

    @property
    def baselines(self) -> tuple[TrialFacts, ...]:
        """The trials that are baselines."""
        return tuple(trial for trial in self.trials if trial.baseline is not None)

    @property
    def best_baseline(self) -> TrialFacts | None:
        """The best completed one of them, None if none is complete."""
        return next((trial for trial in self.ranked if trial.baseline is not None), None)

    @property
    def test(self) -> TestScore | None:
        """The last test score that the search or confirmation measured of its best, None if none was."""
        return last_of_search(self.looks)

    @property
    def model_problems(self) -> Mapping[str, int]:
        """Why models of trials can't be kept, and of how many."""
        return counted(trial.model_problem for trial in self.trials if trial.model_problem is not None)


def gather_facts(shared: SharedStudy) -> StudyFacts:
    """Reads the study.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    frozen = {trial.number: trial for trial in shared.trials.all()}
    curves = shared.ledger.curves()
    workers = {worker.info.worker_id: worker for worker in shared.workers.all()}
    trials = [
        trial_facts(frozen[slot.trial_number], slot, tuple(curves.get(slot.trial_number, ())), workers, shared.manifest)
        for slot in shared.ledger.slots()
        if slot.trial_number in frozen
    ]
    facts = StudyFacts(
        name=shared.name,
        manifest=shared.manifest,
        snapshot=take_snapshot(shared),
        trials=tuple(sorted(trials, key=lambda trial: trial.number)),
        looks=recorded_looks(shared),
        answer=stored_answer(shared),
    )
    best = facts.best
    return facts if best is None else replace(facts, class_results=stored_class_results(shared, best.number))


def find_trial(shared: SharedStudy, number: int) -> TrialFacts | None:
    """The study's trial of that number; None if no slot of it has such a trial.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    slot = next((slot for slot in shared.ledger.slots() if slot.trial_number == number), None)
    if slot is None:
        return None
    workers = {worker.info.worker_id: worker for worker in shared.workers.all()}
    curve = tuple(shared.ledger.epochs(number))
    return trial_facts(shared.trials.get(number), slot, curve, workers, shared.manifest)


def trial_facts(
    trial: FrozenTrial,
    slot: SlotRow,
    curve: tuple[EpochScores, ...],
    workers: Mapping[str, WorkerRow],
    manifest: Manifest,
) -> TrialFacts:
    """One trial, from Optuna's record of it, its slot in the ledger, and its epochs."""
    outcome, worker = slot.outcome, workers.get(slot.worker_id or "")
    stored = TrialAttributes.of(trial.user_attrs)
    last = manifest.value_of(curve)
    value = outcome.value if outcome is not None and outcome.value is not None else last
    return TrialFacts(
        frozen=trial,
        slot=slot,
        value=value,
        curve=curve,
        worker=worker_name(worker) if worker is not None else stored.host or "unknown",
        device=stored.device or (worker.info.device if worker is not None else ""),
        metrics=reported_metrics(manifest, curve, value),
    )


def worker_name(worker: WorkerRow) -> str:
    """A worker for people: its host, its device and its process."""
    return f"{worker.info.host} {worker.info.device} ({worker.info.pid})"
