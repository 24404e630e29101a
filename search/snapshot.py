"""A study at one moment, for whoever watches it."""

from dataclasses import dataclass

from storage import SharedStudy
from storage.records import SlotCounts


@dataclass(frozen=True)
class Best:
    """The best completed trial so far: its number and its objective's value."""

    number: int
    value: float


@dataclass(frozen=True)
class Snapshot:
    """How far a study is. `best` is None until a trial is complete; `epochs` counts those of all trials."""

    counts: SlotCounts
    best: Best | None
    epochs: int
    stop_reason: str | None


def take_snapshot(shared: SharedStudy) -> Snapshot:
    """The study as the ledger has it now.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    ledger = shared.ledger
    return Snapshot(ledger.counts(), find_best(shared), ledger.epoch_count(), ledger.stop_reason())


def find_best(shared: SharedStudy) -> Best | None:
    """The best completed trial; of equals, the one of the lower slot."""
    sign = -1.0 if shared.manifest.direction == "maximize" else 1.0
    ranked = [
        (sign * done.outcome.value, done.slot, Best(done.trial_number, done.outcome.value))
        for done in shared.ledger.outcomes()
        if done.outcome.state == "complete" and done.outcome.value is not None and done.trial_number is not None
    ]
    return min(ranked)[2] if ranked else None
