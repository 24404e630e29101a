"""Optuna's storage as one study uses it: it raises this package's errors, and writes only while the study exists.

A database reuses the IDs of trials, too: without the check, a worker of a deleted study would write into the trials of
another study.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from optuna.storages import BaseStorage, RDBStorage

from storage.fence import joined
from storage.identity import StudyKey
from storage.transaction import reading, translated, writing

# Trials are made, and given their parameters, under a lease alone (storage/fence.py).
WRITES = frozenset(
    {
        "delete_study",
        "set_study_system_attr",
        "set_study_user_attr",
        "set_trial_intermediate_value",
        "set_trial_state_values",
        "set_trial_system_attr",
        "set_trial_user_attr",
    }
)


class GuardedStorage:
    """Another storage, each of whose writes is in one transaction with the check that the study is there.

    Whatever is asked of it, by us or by Optuna, raises StorageUnreachable where the database fails, and StudyNotFound
    where a record is missing because the study was deleted. Other records that are missing raise KeyError.
    """

    def __init__(self, storage: BaseStorage, rdb: RDBStorage, key: StudyKey) -> None:
        self._storage = storage
        self._rdb = rdb
        self._key = key

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._storage, name)
        return partial(self._call, partial(self._write, found) if name in WRITES else found)

    def _call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with translated(self._rdb.engine.url):
            try:
                return method(*arguments, **named)
            except KeyError:
                with reading(self._rdb.engine) as connection:
                    self._key.require(connection)
                raise

    def _write(self, write: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with writing(self._rdb.engine) as connection, joined(self._rdb, connection):
            self._key.require(connection)
            return write(*arguments, **named)
