"""A database that the workers of one process have open together: few connections for all, and of each study one history
of trials, which every worker would read for itself otherwise.
"""

import threading
from typing import TYPE_CHECKING, Self
from weakref import WeakValueDictionary

from optuna.storages import RDBStorage
from sqlalchemy.engine import Engine

from storage.engine import looking, opened
from storage.study import SharedStudy, attach, find_study, patiently
from storage.transaction import translated
from storage.trials import Trials, attach_trials
from storage.url import parse

if TYPE_CHECKING:
    from storage.identity import StudyKey


class OpenDatabase:
    """A database for this many workers of this process. Safe to use from several threads. It is opened when it is first
    used; the `with` block closes it.
    """

    def __init__(self, url: str, workers: int = 1) -> None:
        self._url = url
        self._workers = workers
        self._lock = threading.Lock()
        self._rdb: RDBStorage | None = None
        self._trials: WeakValueDictionary[StudyKey, Trials] = WeakValueDictionary()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def study(self, name: str, wait_s: float = 0.0) -> SharedStudy:
        """A study, whose trials are read once for all of the workers. Closing it leaves the connections open. A
        database that doesn't answer is tried again for `wait_s` seconds.

        Raises:
            UrlError, NotAStudyDatabase, SchemaTooNew: as the errors' names say.
            StudyNotFound: there is no such study; the message lists those that there are.
            StorageUnreachable: the database didn't answer in time.
        """
        return patiently(lambda: self._attached(name), wait_s)

    def engine(self) -> Engine:
        """The engine, for a look at all studies.

        Raises:
            StudyNotFound: there is no database yet, or it has no tables.
            StorageError: as `study`.
        """
        with self._lock:
            return self._opened().engine

    def close(self) -> None:
        """Closes the connections. When the database is used again, it is opened again; studies that are in use then go
        on.
        """
        with self._lock:
            if self._rdb is not None:
                self._rdb.engine.dispose()
            self._rdb = None
            self._trials.clear()

    def _attached(self, name: str) -> SharedStudy:
        url = parse(self._url)
        with self._lock, translated(url):
            rdb = self._opened()
            with looking(rdb):
                stored = find_study(rdb, url, name)
                trials = self._trials.get(stored.key)
                if trials is None:
                    trials = self._trials[stored.key] = attach_trials(rdb, name, stored.key)
                return attach(rdb, name, stored, trials, created=False, owns_engine=False)

    def _opened(self) -> RDBStorage:
        if self._rdb is None:
            with opened(parse(self._url), create=False, workers=self._workers) as rdb:
                self._rdb = rdb
        return self._rdb
