"""Between rows of our tables and the records that the package gives."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy.engine import Row

from spaces.epoch_scores import EpochScores
from storage.records import FinishedSlot, Lease, Outcome, Scalar, SlotOrder, SlotRow, SlotSettings, TrialEpoch
from storage.tables import database_now


def to_json(value: Any) -> str | None:
    """A value as JSON with sorted keys, None as NULL."""
    return None if value is None else msgspec.json.encode(value, order="deterministic").decode()


def scalars(text: str | None) -> dict[str, Scalar] | None:
    """What `to_json` made of a slot's parameters."""
    return None if text is None else msgspec.json.decode(text, type=dict[str, Scalar])


def finite(value: float | None) -> float | None:
    """The value, None if it isn't a finite number: databases treat those each in its own way."""
    return value if value is not None and math.isfinite(value) else None


def settings_to_json(settings: SlotSettings) -> str | None:
    """A slot's settings as JSON, NULL where they are the study's."""
    return None if settings == SlotSettings() else to_json(settings)


def settings_of(text: str | None) -> SlotSettings:
    """What `settings_to_json` made of a slot's settings."""
    return SlotSettings() if text is None else msgspec.json.decode(text, type=SlotSettings)


def order_values(order: SlotOrder) -> dict[str, Any]:
    """The columns of a slot that was ordered."""
    return {"seed": order.seed, "params": to_json(order.params), "settings": settings_to_json(order.settings)}


def epoch_values(epoch: EpochScores, token: int) -> dict[str, Any]:
    """The columns of an epoch."""
    return {
        **msgspec.structs.asdict(epoch),
        "metrics": to_json(epoch.metrics),
        "token": token,
        "recorded_at": database_now(),
    }


def outcome_values(outcome: Outcome) -> dict[str, Any]:
    """The columns of a slot that an outcome fills."""
    return {
        "outcome": outcome.state,
        "value": finite(outcome.value),
        "reason": outcome.reason,
        "kind": outcome.kind,
        "epochs": outcome.epochs,
        "finished_at": database_now(),
    }


def as_lease(row: Row[Any], changed: Mapping[str, Any], lease_s: float) -> Lease:
    """The lease on a slot, from its row and the columns that the claim has changed in it."""
    return Lease(
        slot=row.number,
        token=changed["token"],
        worker_id=changed["worker_id"],
        trial_number=row.trial_number,
        params=scalars(row.params),
        seed=row.seed,
        settings=settings_of(row.settings),
        failures=changed.get("failures", row.failures),
        last_failure=changed.get("last_failure", row.last_failure),
        lease_s=lease_s,
        expiries=changed.get("expiries", row.expiries),
    )


def as_scores(row: Row[Any]) -> EpochScores:
    """The scores of an epoch."""
    return EpochScores(
        epoch=row.epoch,
        loss=row.loss,
        accuracy=row.accuracy,
        val_loss=row.val_loss,
        val_accuracy=row.val_accuracy,
        seconds=row.seconds,
        learning_rate=row.learning_rate,
        metrics=msgspec.json.decode(row.metrics, type=dict[str, float]),
    )


def as_epoch(row: Row[Any]) -> TrialEpoch:
    """The record of an epoch."""
    return TrialEpoch(trial_number=row.trial_number, token=row.token, scores=as_scores(row))


def as_outcome(row: Row[Any]) -> Outcome:
    """The outcome of a done slot."""
    return Outcome(state=row.outcome, value=row.value, reason=row.reason, kind=row.kind, epochs=row.epochs)


def as_finished(row: Row[Any]) -> FinishedSlot:
    """The record of a done slot."""
    return FinishedSlot(
        slot=row.number,
        trial_number=row.trial_number,
        outcome=as_outcome(row),
        confirmed=row.confirmed,
        finished_at=row.finished_at,
        token=row.token,
        worker_id=row.worker_id,
    )


def as_slot(row: Row[Any]) -> SlotRow:
    """The record of a slot."""
    return SlotRow(
        slot=row.number,
        state=row.state,
        token=row.token,
        worker_id=row.worker_id,
        trial_number=row.trial_number,
        seed=row.seed,
        params=scalars(row.params),
        settings=settings_of(row.settings),
        failures=row.failures,
        last_failure=row.last_failure,
        outcome=None if row.outcome is None else as_outcome(row),
        confirmed=row.confirmed,
        expiries=row.expiries,
    )
