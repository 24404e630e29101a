"""What a report is made of, as frozen records: read once from the study, never written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.study.test_score import TestScore, last_of_search, recorded_looks
from spaces.epoch_scores import EpochScores
from storage import Manifest, SharedStudy
from storage.records import SlotCounts, SlotRow, WorkerRow

State = Literal["complete", "pruned", "diverged", "failed", "running"]

OPTUNA_STATES: Mapping[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True)
class TrialFacts:
    """One trial. `value` is the objective's last one, of pruned trials too; `worker` is who had it last, in words;
    `began` and `ended` are by the clock of its host; `attempts` counts how often it was begun or resumed; `slot` is the
    number of the slot that ordered it.
    """

    number: int
    state: State
    value: float | None
    params: Mapping[str, Any]
    epochs: tuple[EpochScores, ...]
    began: datetime | None
    ended: datetime | None
    worker: str
    device: str
    attempts: int
    reason: str
    slot: int | None = None

    @property
    def complete(self) -> bool:
        """Whether it ran through all its epochs."""
        return self.state == "complete"


@dataclass(frozen=True)
class StudyFacts:
    """A study at one moment: its trials by number, and what they were made with. `frozen` are the same as Optuna's."""

    name: str
    manifest: Manifest
    counts: SlotCounts
    trials: tuple[TrialFacts, ...]
    frozen: tuple[FrozenTrial, ...]
    test: TestScore | None
    stop_reason: str | None
    looks: tuple[TestScore, ...] = ()

    @property
    def maximize(self) -> bool:
        """Whether a higher objective is better."""
        return self.manifest.goal.maximize

    @property
    def direction(self) -> StudyDirection:
        """The same as Optuna says it."""
        return StudyDirection.MAXIMIZE if self.maximize else StudyDirection.MINIMIZE

    @property
    def ranked(self) -> tuple[TrialFacts, ...]:
        """The completed trials, best first; of equals, the earlier one."""
        complete = [trial for trial in self.trials if trial.complete and trial.value is not None]
        return tuple(self.manifest.goal.ranked(complete, lambda trial: (trial.value, trial.number)))

    @property
    def best(self) -> TrialFacts | None:
        """The best completed trial, None if there is none."""
        return self.ranked[0] if self.ranked else None


def gather_facts(shared: SharedStudy) -> StudyFacts:
    """Reads the study.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    with shared.translated():
        frozen = tuple(shared.study.get_trials(deepcopy=False))
    slots = {row.trial_number: row for row in shared.ledger.slots() if row.trial_number is not None}
    epochs: dict[int, list[EpochScores]] = {}
    for row in shared.ledger.all_epochs():
        epochs.setdefault(row.trial_number, []).append(row.scores)
    workers = {worker.info.worker_id: worker for worker in shared.workers.all()}
    objective, looks = shared.manifest.objective, recorded_looks(shared)
    return StudyFacts(
        name=shared.name,
        manifest=shared.manifest,
        counts=shared.ledger.counts(),
        trials=tuple(
            trial_facts(trial, slots.get(trial.number), tuple(epochs.get(trial.number, ())), workers, objective)
            for trial in frozen
        ),
        frozen=frozen,
        test=last_of_search(looks),
        looks=looks,
        stop_reason=shared.ledger.stop_reason(),
    )


def trial_facts(
    trial: FrozenTrial,
    slot: SlotRow | None,
    epochs: tuple[EpochScores, ...],
    workers: Mapping[str, WorkerRow],
    objective: str,
) -> TrialFacts:
    """One trial, from Optuna's record of it, its slot in the ledger, and its epochs."""
    outcome = slot.outcome if slot is not None else None
    worker = workers.get(slot.worker_id or "") if slot is not None else None
    last = getattr(epochs[-1], objective) if epochs else None
    return TrialFacts(
        number=trial.number,
        state=outcome.state if outcome is not None else OPTUNA_STATES.get(trial.state, "running"),
        value=outcome.value if outcome is not None and outcome.value is not None else last,
        params=dict(trial.params),
        epochs=epochs,
        began=trial.datetime_start,
        ended=trial.datetime_complete,
        worker=worker_name(worker) if worker is not None else str(trial.user_attrs.get("host", "unknown")),
        device=str(trial.user_attrs.get("device") or (worker.info.device if worker is not None else "")),
        attempts=slot.token if slot is not None else 1,
        reason=reason_of(slot),
        slot=slot.slot if slot is not None else None,
    )


def worker_name(worker: WorkerRow) -> str:
    """A worker for people: its host, its device and its process."""
    return f"{worker.info.host} {worker.info.device} ({worker.info.pid})"


def reason_of(slot: SlotRow | None) -> str:
    """Why a trial didn't complete, or what went wrong with it so far; empty if nothing."""
    if slot is None:
        return ""
    if slot.outcome is None:
        return slot.last_failure or ""
    kind = f"{slot.outcome.kind}: " if slot.outcome.state == "failed" and slot.outcome.kind else ""
    return f"{kind}{slot.outcome.reason or ''}"
