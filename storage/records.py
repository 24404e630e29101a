"""The frozen records that the ledger takes and gives."""

from typing import Any, Literal

import msgspec

from spaces.epoch_scores import EpochScores
from spaces.failure_kind import FailureKind

Scalar = str | int | float | bool | None
SlotState = Literal["waiting", "leased", "paused", "done"]
OutcomeKind = FailureKind | Literal["diverged", "paused"]
OutcomeState = Literal["complete", "pruned", "diverged", "infeasible", "failed"]
TrialState = Literal[OutcomeState, "running", "paused", "waiting"]


class SlotSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a slot has in place of the study's settings, None where it has the study's.

    `baseline` is the name of the published configuration that the slot is. The replicates of a comparison count from 0,
    and the slots of one have the same `split_seed`. `order_seed` decides the order of the images and how they are
    augmented, where the slot's seed doesn't.
    """

    baseline: str | None = None
    replicate: int | None = None
    split_seed: int | None = None
    order_seed: int | None = None


class SlotOrder(msgspec.Struct, frozen=True):
    """A slot to be: its seed, fixed parameters if it has any, and its own settings."""

    seed: int
    params: dict[str, Scalar] | None = None
    settings: SlotSettings = SlotSettings()


class Lease(msgspec.Struct, frozen=True):
    """The right to work on a slot until it expires; `token` proves it.

    `slot` is the slot's number, counted from 0. `trial_number` is the trial that an earlier attempt bound, or None.
    `failures` counts the attempts since the last new epoch that failed under a living worker, `expiries` those whose
    lease expired, as their worker was killed or cut off; `last_failure` says how the last of either ended.
    `lease_s` is the lease's length in seconds, counted by the database's clock from the claim or the last renewal.
    """

    slot: int
    token: int
    worker_id: str
    trial_number: int | None
    params: dict[str, Scalar] | None
    seed: int
    settings: SlotSettings
    failures: int
    last_failure: str | None
    lease_s: float
    expiries: int = 0


class Unclaimed(msgspec.Struct, frozen=True):
    """Why a claim gave no lease: the study is stopped, or no slot is free. `has_open` is whether any slot has no result
    yet, and `has_unsettled` whether the end of a finished trial may not be in Optuna yet.
    """

    is_stopped: bool
    has_open: bool
    has_unsettled: bool

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do, until more is ordered."""
        return self.is_stopped or not (self.has_open or self.has_unsettled)


class TrialEpoch(msgspec.Struct, frozen=True):
    """The scores of an epoch, with the trial that it belongs to and the attempt (its token) that recorded them."""

    trial_number: int
    token: int
    scores: EpochScores


class Outcome(msgspec.Struct, frozen=True):
    """How a slot ended. `value` is the objective's, None where there is none; `epochs` is how many were trained.

    `reason` says in words why it didn't complete, `kind` classifies it ("out_of_memory", "timeout", …). A pruned one of
    the kind "paused" was paused at a rung, and wasn't resumed.
    """

    state: OutcomeState
    value: float | None
    reason: str | None = None
    kind: OutcomeKind | None = None
    epochs: int = 0


class FinishedSlot(msgspec.Struct, frozen=True):
    """A done slot. `confirmed` says that its trial is known to have been told; `finished_at` is in Unix seconds.

    `token` and `worker_id` are those of the attempt that finished it.
    """

    slot: int
    trial_number: int | None
    outcome: Outcome
    confirmed: bool
    finished_at: float
    token: int
    worker_id: str


class KeptFile(msgspec.Struct, frozen=True):
    """A file of a trial in the artifact store. `stored` says that it is known to be all there."""

    artifact_id: str
    trial_number: int
    filename: str
    stored: bool


class SlotRow(msgspec.Struct, frozen=True):
    """A slot's current state."""

    slot: int
    state: SlotState
    token: int
    worker_id: str | None
    trial_number: int | None
    seed: int
    params: dict[str, Scalar] | None
    settings: SlotSettings
    failures: int
    last_failure: str | None
    outcome: Outcome | None
    confirmed: bool
    expiries: int = 0


class UnderWay(msgspec.Struct, frozen=True):
    """A leased slot: whose it is, and how far its trial is. `epochs` are those recorded, `seconds_per_epoch` is their
    mean wall time, None before the first.
    """

    slot: int
    worker_id: str
    trial_number: int | None
    epochs: int
    seconds_per_epoch: float | None


class SlotCounts(msgspec.Struct, frozen=True):
    """How many slots there are, and in which states; `leased` includes those whose lease has expired."""

    total: int = 0
    waiting: int = 0
    leased: int = 0
    paused: int = 0
    complete: int = 0
    pruned: int = 0
    diverged: int = 0
    infeasible: int = 0
    failed: int = 0

    @property
    def finished(self) -> int:
        """How many slots have their result."""
        return self.total - self.waiting - self.leased - self.paused

    def by_state(self) -> dict[TrialState, int]:
        """How many trials there are in each state, as people are told: one under a lease is running."""
        return {
            "complete": self.complete,
            "pruned": self.pruned,
            "diverged": self.diverged,
            "infeasible": self.infeasible,
            "failed": self.failed,
            "running": self.leased,
            "paused": self.paused,
            "waiting": self.waiting,
        }


class WorkerInfo(msgspec.Struct, frozen=True):
    """Who a worker is. `worker_id` is unique among the study's workers for all time; `job` is the job of a cluster that
    it runs in, as in slurm:1234_5, None outside of clusters.
    """

    worker_id: str
    host: str
    pid: int
    device: str = "cpu"
    versions: dict[str, str] = {}
    job: str | None = None


class WorkerRow(msgspec.Struct, frozen=True):
    """A worker as the study knows it. `age_s` is the time since its last heartbeat, by the database's clock; never
    negative: after that clock was set back by an hour, a silent worker is an hour old at once.

    `state` is the state in its last heartbeat. `left` is the reason for which it left, None while it is active.
    """

    info: WorkerInfo
    state: dict[str, Any]
    started_at: float
    age_s: float
    left: str | None
