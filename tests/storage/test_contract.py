"""Every backend keeps the storage contract."""

from storage.testing import StorageContract


class TestBackends(StorageContract):
    """On SQLite and on Postgres: the fixture `storage_url` has both."""
