"""Access to a shared study: Optuna's study, its ledger, its workers and its manifest, on one engine."""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL, Engine

from storage import registry
from storage.differences import differences
from storage.engine import looking, opened
from storage.errors import ForeignStudy, ManifestMismatch, StorageUnreachable, StudyNotFound
from storage.identity import StudyKey
from storage.kept import KeptFiles
from storage.ledger import Ledger
from storage.manifest import Manifest
from storage.notices import Notices
from storage.promotion import Promotion
from storage.queue import StudyQueue
from storage.schema import can_be_locked, creation_lock
from storage.trials import Trials, attach_trials
from storage.url import nearest, parse
from storage.workers import Workers

T = TypeVar("T")

SHORTEST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0


@dataclass(frozen=True)
class SharedStudy:
    """A study that many processes work on. Closing it closes this process' connections, nothing else.

    `key` identifies the study, even if another gets its name or ID later. `created` says whether this call created it;
    `manifest` is the stored one. All of its parts are on one `engine`, which is closed with it unless it belongs to all
    workers of this process.
    """

    name: str
    key: StudyKey
    manifest: Manifest
    created: bool
    ledger: Ledger = field(repr=False)
    trials: Trials = field(repr=False)
    workers: Workers = field(repr=False)
    kept: KeptFiles = field(repr=False)
    queue: StudyQueue = field(repr=False)
    notices: Notices = field(repr=False)
    promotion: Promotion = field(repr=False)
    engine: Engine = field(repr=False)
    owns_engine: bool = True

    @property
    def study_id(self) -> int:
        """The id by which Optuna's storage knows the study."""
        return self.key.study_id

    @property
    def study(self) -> optuna.Study:
        """Optuna's study of the trials."""
        return self.trials.study

    def close(self) -> None:
        """Closes this process' connections, unless others of its workers use them."""
        if self.owns_engine:
            self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def create_study(
    url: str,
    study_name: str,
    manifest: Manifest,
    *,
    wait_s: float = 0.0,
) -> SharedStudy:
    """Creates the study, or joins it if it is there and searches the same. A database that doesn't answer is tried
    again for `wait_s` seconds.

    The study optimizes in the manifest's direction. A process that joins gets the stored manifest,
    into which a comparison's further looks and its margin go.

    Raises:
        UrlError, NotAStudyDatabase, SchemaTooNew: as the errors' names say; nothing was created.
        ManifestMismatch: the study exists with another space, data set or setting; the message lists them.
        StorageUnreachable: the database didn't answer in time.
    """
    parsed = parse(url)
    return patiently(lambda: create_or_join(parsed, study_name, manifest), wait_s)


def open_study(
    url: str,
    study_name: str,
    *,
    wait_s: float = 0.0,
    only_look: bool = False,
) -> SharedStudy:
    """Joins a study that is there. A database that doesn't answer is tried again for `wait_s` seconds.

    With `only_look`, nothing is or can be changed by it: then it needs no right to write.

    Raises:
        UrlError, NotAStudyDatabase, SchemaTooNew: as the errors' names say.
        StudyNotFound: there is no such study; the message lists those that there are.
        StorageUnreachable: the database didn't answer in time.
    """
    parsed = parse(url, write=not only_look)
    return patiently(lambda: join(parsed, study_name, only_look=only_look), wait_s)


def patiently(attempt: Callable[[], T], wait_s: float) -> T:
    """What the attempt gives; it is repeated for `wait_s` seconds while the database doesn't answer."""
    deadline = time.monotonic() + wait_s
    pause = SHORTEST_WAIT_S
    while True:
        try:
            return attempt()
        except StorageUnreachable:
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_WAIT_S)


def study_names(url: str) -> list[str]:
    """The names of the studies that this program has made in a database, which need not be writable.

    Raises:
        StorageError: as `open_study`.
    """
    return listed(url, registry.names)


def study_stamps(url: str) -> list[str]:
    """The stamps of the same studies, also of those that can't be read.

    Raises:
        StorageError: as `open_study`.
    """
    return listed(url, registry.stamps)


def listed(url: str, read: Callable[[RDBStorage], list[str]]) -> list[str]:
    """What is read of the registry of studies in a database."""
    with opened(parse(url, write=False), create=False, only_look=True) as rdb:
        found = read(rdb)
        rdb.engine.dispose()
        return found


def create_or_join(url: URL, study_name: str, manifest: Manifest) -> SharedStudy:
    """One attempt at `create_study`. Only if the study isn't there, it waits for its turn to create one."""
    with opened(url, create=True) as rdb:
        stored, created = registry.stored_study(rdb, study_name), False
        if stored is None:
            with creation_lock(url):
                created = establish(rdb, study_name, manifest)
        else:
            agree(rdb, study_name, stored.manifest, manifest)
        stored = require_stored(rdb, study_name)
        return attach(rdb, study_name, stored, attach_trials(rdb, study_name, stored.key), created=created)


def join(url: URL, study_name: str, *, only_look: bool) -> SharedStudy:
    """One attempt at `open_study`. Only if the study isn't there, it waits for a process that may be creating
    it; it never waits for writers.
    """
    with opened(url, create=False, only_look=only_look) as rdb, looking(rdb):
        stored = find_study(rdb, url, study_name)
        return attach(rdb, study_name, stored, attach_trials(rdb, study_name, stored.key), created=False)


def find_study(rdb: RDBStorage, url: URL, study_name: str) -> registry.StoredStudy:
    """The study of that name. Only if it isn't there, this waits for a process that may be creating it.

    Raises:
        StudyNotFound: there is no such study, nor is one being created.
    """
    stored = registry.stored_study(rdb, study_name)
    if stored is None and can_be_locked(url):
        with creation_lock(url):
            stored = registry.stored_study(rdb, study_name)
    return stored or require_stored(rdb, study_name)


def require_stored(rdb: RDBStorage, study_name: str) -> registry.StoredStudy:
    """The study of that name; raises StudyNotFound, with those that there are, unless it is one of ours."""
    stored = registry.stored_study(rdb, study_name)
    if stored is None:
        raise StudyNotFound(not_found(study_name, registry.names(rdb), registry.all_names(rdb.engine)))
    return stored


def establish(rdb: RDBStorage, study_name: str, manifest: Manifest) -> bool:
    """Makes the study, or makes sure that it is the one asked for; returns whether it made it.

    An empty study without a manifest is what a launch leaves behind that is killed in between: it is taken over.
    """
    registry.purge(rdb.engine)
    if study_name not in registry.all_names(rdb.engine):
        study = optuna.create_study(storage=rdb, study_name=study_name, direction=manifest.direction)
        name_metric(study, manifest)
        registry.store_manifest(rdb, study_name, manifest)
        return True
    stored = registry.stored_study(rdb, study_name)
    if stored is None:
        study = optuna.load_study(storage=rdb, study_name=study_name)
        require_unused(study, manifest)
        name_metric(study, manifest)
        registry.store_manifest(rdb, study_name, manifest)
        return True
    agree(rdb, study_name, stored.manifest, manifest)
    return False


def agree(rdb: RDBStorage, study_name: str, stored: Manifest, asked: Manifest) -> None:
    """Makes sure that the study that is there is the one asked for, and extends a comparison as is asked."""
    require_same(study_name, stored, asked)
    if asked.comparison is not None and asked.comparison != stored.comparison:
        registry.update_comparison(rdb, study_name, asked.comparison)


def name_metric(study: optuna.Study, manifest: Manifest) -> None:
    """Has optuna-dashboard call the objective by its name. Optuna warns that this may change in a later release."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([manifest.objective])


def attach(
    rdb: RDBStorage,
    study_name: str,
    stored: registry.StoredStudy,
    trials: Trials,
    *,
    created: bool,
    owns_engine: bool = True,
) -> SharedStudy:
    """Puts the parts of a study that is there on one engine, that of its trials."""
    key = stored.key
    return SharedStudy(
        name=study_name,
        key=key,
        manifest=stored.manifest,
        created=created,
        ledger=Ledger(rdb.engine, key),
        trials=trials,
        workers=Workers(rdb.engine, key),
        kept=KeptFiles(rdb.engine, key),
        queue=StudyQueue(rdb.engine, key),
        notices=Notices(rdb.engine, key),
        promotion=Promotion(rdb.engine, key),
        engine=rdb.engine,
        owns_engine=owns_engine,
    )


def require_same(study_name: str, stored: Manifest, asked: Manifest) -> None:
    """Raises ManifestMismatch, with what differs, unless both search the same."""
    found = differences(stored, asked)
    if found:
        listed = "".join(f"\n  {difference}" for difference in found)
        raise ManifestMismatch(
            f"the study {study_name!r} exists and isn't the one asked for; choose another study name, "
            f"or ask for what it has:{listed}"
        )


def require_unused(study: optuna.Study, manifest: Manifest) -> None:
    """Raises ForeignStudy if a study that isn't ours is in use, or optimizes the other way."""
    if len(study.get_trials(deepcopy=False)) or study.directions != [direction_of(manifest)]:
        raise ForeignStudy(study.study_name)


def direction_of(manifest: Manifest) -> optuna.study.StudyDirection:
    """Optuna's word for the manifest's direction."""
    return optuna.study.StudyDirection[manifest.direction.upper()]


def not_found(study_name: str, ours: Sequence[str], everyones: Sequence[str]) -> str:
    """The message for a study that isn't there."""
    if study_name in everyones:
        return f"the study {study_name!r} was made by another program: it has no manifest to work from"
    if not ours:
        return f"there is no study {study_name!r}, nor any other of this program: a launch creates one"
    return f"there is no study {study_name!r}; there are: {', '.join(sorted(ours))}{nearest(study_name, ours)}"
