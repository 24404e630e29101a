"""Optuna's own tests of a storage hold on our engines: foreign keys and early write locks disturb nothing."""

import gc
import warnings
from collections.abc import Iterator

import pytest
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.testing.pytest_storages import StorageTestCase

from storage.engine import opened
from storage.url import parse


class TestOptunaStorage(StorageTestCase):
    @pytest.fixture
    def storage(self, storage_url: str) -> Iterator[BaseStorage]:
        with opened(parse(storage_url), create=True) as storage:
            pass
        yield get_storage(storage)
        storage.engine.dispose()

    def test_pickle_storage(self, storage: BaseStorage) -> None:
        """The copy that this one makes has connections of its own, and leaves them open."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            super().test_pickle_storage(storage)
            gc.collect()


def test_optuna_still_puts_a_cache_around_the_storage(sqlite_url: str) -> None:
    """`get_storage` isn't in Optuna's reference: should it change, this is where it shows."""
    with opened(parse(sqlite_url), create=True) as storage:
        cached = get_storage(storage)
        assert isinstance(cached, BaseStorage)
        assert not isinstance(cached, RDBStorage)
        assert get_storage(cached) is cached
    storage.engine.dispose()
