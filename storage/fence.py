"""Optuna's writes under a lease: in one transaction with the check that the lease is still held.

Checking first and writing afterwards leaves a gap, in which a suspended worker may lose its slot. For each call Optuna
uses its thread's session, or creates one: here it finds one, on the ledger's connection. Optuna's commits then end
savepoints, and only the ledger's commit takes effect. `RDBStorage.scoped_session`, where Optuna gets its sessions,
isn't a documented interface: tests/storage/test_fence.py fails if it changes.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.engine import Connection

from storage.history import trial_number
from storage.identity import StudyKey
from storage.ledger import Ledger
from storage.records import Lease
from storage.transaction import writing
from storage.trial_ids import TrialIds


class Parameter(NamedTuple):
    """A parameter of a trial; `value` is as Optuna stores it (`distribution.to_internal_repr`)."""

    name: str
    value: float
    distribution: BaseDistribution


class FencedTrials:
    """Writes of a lease's holder to its slot's trial, before the slot has a result."""

    def __init__(self, rdb: RDBStorage, ledger: Ledger, key: StudyKey, ids: TrialIds) -> None:
        self._rdb = rdb
        self._ledger = ledger
        self._key = key
        self._ids = ids

    def create(self, lease: Lease, template: FrozenTrial) -> int:
        """The number of the slot's trial, which is created like the template if there is none yet.

        Raises:
            LeaseLost: another worker holds the slot, or it was released or finished.
        """

        def make(connection: Connection) -> int:
            with joined(self._rdb, connection):
                return trial_number(connection, self._rdb.create_new_trial(self._key.study_id, template))

        return self._ledger.bind(lease, make)

    def annotate(self, trial_number: int, attributes: Mapping[str, Any]) -> None:
        """Sets these user attributes of a trial, all or none, in one transaction instead of one per attribute.

        No lease is needed: every process that finishes this slot's trial writes the same.

        Raises:
            optuna.exceptions.UpdateFinishedTrialError: the trial is finished.
            StudyNotFound: the study was deleted.
            StorageUnreachable: the database doesn't answer.
        """
        trial_id = self._ids[trial_number]
        with writing(self._rdb.engine) as connection, joined(self._rdb, connection):
            self._key.require(connection)
            for name, value in attributes.items():
                self._rdb.set_trial_user_attr(trial_id, name, value)

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
        with self._ledger.holding(lease) as connection, joined(self._rdb, connection):
            for parameter in parameters:
                self._rdb.set_trial_param(trial_id, *parameter)
            for name, value in attributes.items():
                self._rdb.set_trial_system_attr(trial_id, name, value)
            for name, value in user_attributes.items():
                self._rdb.set_trial_user_attr(trial_id, name, value)


@contextlib.contextmanager
def joined(rdb: RDBStorage, connection: Connection) -> Iterator[None]:
    """Makes this thread's use of Optuna's storage inside the block part of the connection's transaction."""
    rdb.remove_session()
    rdb.scoped_session(bind=connection, join_transaction_mode="create_savepoint")
    try:
        yield
    finally:
        rdb.remove_session()
