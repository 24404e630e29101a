"""Optuna's writes under a lease: in one transaction with the check that the lease is still held.

Checking first and writing afterwards leaves a gap, in which a suspended worker may lose its slot. For each call Optuna
uses its thread's session, or creates one: here it finds one, on the ledger's connection. Optuna's commits then end
savepoints, and only the ledger's commit takes effect. `RDBStorage.scoped_session`, where Optuna gets its sessions,
isn't a documented interface: tests/storage/test_fence.py fails if it changes.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import Connection

from storage.annotation import annotate_at_once
from storage.growing_pauses import GrowingPauses
from storage.identity import StudyKey
from storage.ledger import Ledger
from storage.records import Lease
from storage.transaction import at_once, writing
from storage.trial_end import end_trial
from storage.trial_ids import TrialIds
from storage.trial_rows import (
    KnownDistributions,
    Parameter,
    insert_params,
    insert_trials,
    require_unfinished,
    set_system_attributes,
    set_user_attributes,
)

NUMBERS_WAIT_S = 60.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S, GROWTH = 0.1, 5.0, 2.0


class FencedTrials:
    """Writes of a lease's holder to its slot's trial, before the slot has a result."""

    def __init__(self, rdb: RDBStorage, ledger: Ledger, key: StudyKey, ids: TrialIds) -> None:
        self._rdb = rdb
        self._ledger = ledger
        self._key = key
        self._ids = ids
        self._known = KnownDistributions(key.study_id)

    def create(self, lease: Lease, template_of: Callable[[Lease], FrozenTrial]) -> int:
        """The number of the slot's trial, which is created like its template if there is none yet.

        Workers that begin in the same moment don't queue for the study: one of them makes the trials of all.

        Raises:
            LeaseLost: another worker holds the slot, or it was released or finished.
            StorageUnreachable: the study's numbers were locked all the time, or the database doesn't answer.
        """
        trouble = "the study's trials were locked"
        pauses = GrowingPauses(trouble, NUMBERS_WAIT_S, SHORTEST_PAUSE_S, LONGEST_PAUSE_S, GROWTH)
        make = partial(self._make, template_of(lease), template_of)
        number = self._ledger.bind(lease, make, with_others=True)
        while number is None:
            pauses.wait()
            number = self._ledger.bound(lease)
            if number is None:
                number = self._ledger.bind(lease, make, with_others=True)
        return number

    def _make(
        self,
        own: FrozenTrial,
        template_of: Callable[[Lease], FrozenTrial],
        connection: Connection,
        lease: Lease,
        others: Sequence[Lease],
    ) -> dict[int, int]:
        templates = {lease.slot: own} | templates_of(others, template_of)
        ordered = sorted(templates)
        made = [templates[slot] for slot in ordered]
        return dict(zip(ordered, insert_trials(connection, self._key.study_id, made, self._known), strict=True))

    def annotate(self, trial_number: int, attributes: Mapping[str, Any]) -> None:
        """Sets these user attributes of a trial, all or none, in one transaction instead of one per attribute.

        No lease is needed: every process that finishes this slot's trial writes the same.

        Raises:
            optuna.exceptions.UpdateFinishedTrialError: the trial is finished.
            StudyNotFound: the study was deleted.
            StorageUnreachable: the database doesn't answer.
        """
        trial_id = self._ids[trial_number]
        if attributes and self._rdb.engine.dialect.name == "postgresql":
            with at_once(self._rdb.engine) as connection:
                if annotate_at_once(connection, self._key, trial_id, attributes):
                    return
        with writing(self._rdb.engine) as connection:
            self._annotate(connection, trial_id, attributes)

    def end(self, trial_number: int, state: TrialState, value: float | None, attributes: Mapping[str, Any]) -> None:
        """Ends a trial, in one transaction with these last user attributes of it. One that is pruned has the value of
        its last epoch, as Optuna has it.

        No lease is needed: every process that finishes this slot's trial writes the same.

        Raises:
            optuna.exceptions.UpdateFinishedTrialError: the trial is finished.
            StudyNotFound: the study was deleted.
            StorageUnreachable: the database doesn't answer.
        """
        trial_id = self._ids[trial_number]
        with writing(self._rdb.engine) as connection:
            self._annotate(connection, trial_id, attributes)
            end_trial(connection, trial_id, state, value)

    def _annotate(self, connection: Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
        self._key.require(connection)
        require_unfinished(connection, trial_id)
        set_user_attributes(connection, trial_id, attributes)

    def set_params(
        self,
        lease: Lease,
        trial_number: int,
        parameters: Sequence[Parameter],
        attributes: Mapping[str, Any],
        user_attributes: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Gives the slot's trial the parameters, these system attributes and these user attributes, all or none.

        Raises:
            LeaseLost: as `create`.
            optuna.exceptions.UpdateFinishedTrialError: another program has finished the trial.
            ValueError: a parameter's distribution isn't that of other trials.
        """
        trial_id = self._ids[trial_number]
        with self._ledger.holding(lease) as connection:
            require_unfinished(connection, trial_id)
            self._known.require(connection, parameters)
            insert_params(connection, {trial_id: parameters})
            set_system_attributes(connection, trial_id, attributes)
            set_user_attributes(connection, trial_id, user_attributes)


def templates_of(leases: Sequence[Lease], template_of: Callable[[Lease], FrozenTrial]) -> dict[int, FrozenTrial]:
    """The templates for other workers' slots; those that can't be had are left to the workers."""
    found = dict[int, FrozenTrial]()
    for lease in leases:
        with contextlib.suppress(Exception):  # the space's code is its author's
            found[lease.slot] = template_of(lease)
    return found


@contextlib.contextmanager
def joined(rdb: RDBStorage, connection: Connection) -> Iterator[None]:
    """Makes this thread's use of Optuna's storage inside the block part of the connection's transaction."""
    rdb.remove_session()
    rdb.scoped_session(bind=connection, join_transaction_mode="create_savepoint")
    try:
        yield
    finally:
        rdb.remove_session()
