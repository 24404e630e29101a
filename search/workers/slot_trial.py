"""The trial that a slot has: a new one, or one that earlier attempts have begun."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from search.study.trials import open_trial
from search.workers.context import WorkerContext
from spaces.epoch_scores import EpochScores
from storage.records import Lease


@dataclass(frozen=True)
class NewTrial:
    """A trial of which nothing is recorded yet."""

    number: int


@dataclass(frozen=True)
class ResumedTrial:
    """A trial to continue. `recorded` are the epochs, by number, that earlier attempts have stored."""

    number: int
    recorded: Mapping[int, EpochScores]


SlotTrial: TypeAlias = NewTrial | ResumedTrial


def open_slot_trial(context: WorkerContext, lease: Lease) -> SlotTrial:
    """The leased slot's running trial. It may be called again, if the database didn't answer.

    Raises:
        LeaseLost: another worker holds the slot now.
        StorageUnreachable: the database didn't answer.
    """
    number = open_trial(context.shared, context.space, lease)
    if lease.trial_number is None:
        return NewTrial(number)
    return ResumedTrial(number, {scores.epoch: scores for scores in context.shared.ledger.epochs(number)})
