"""Read-only access to a database: its studies, ours and others', without blocking writers.

Our workers' engine takes the write lock for everything that Optuna does, because Optuna reads and then writes.
Read-only commands must not: here transactions that read never wait, and the database itself refuses all others.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy.engine import URL, Engine

from storage import registry, tables
from storage.connecting import is_sqlite, one_connection, path_of
from storage.engine import connected
from storage.errors import NotAStudyDatabase, SchemaTooNew, StudyNotFound
from storage.pooler import as_accepted
from storage.schema import shown
from storage.tables import slots
from storage.transaction import reading, translated
from storage.url import nearest, parse, require_study_tables

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Browsing:
    """Optuna's storage of a database, cached, for read-only use."""

    storage: BaseStorage
    _rdb: RDBStorage = field(repr=False)
    _engine: Engine = field(repr=False)

    def study_id(self, study_name: str) -> int:
        """The id of a study; raises StudyNotFound, with the existing names, if there is none of that name."""
        with translated(self._engine.url):
            names = registry.all_names(self._engine)
            if study_name in names:
                return self._rdb.get_study_id_from_name(study_name)
        listed = f"; there are: {', '.join(sorted(names))}" if names else ", nor any other yet"
        raise StudyNotFound(f"there is no study {study_name!r}{listed}{nearest(study_name, names)}")

    def artifact_locations(self) -> list[str]:
        """Where the studies of this program keep their artifacts: folders and s3:// URLs, each once. A study
        whose manifest is damaged, or a newer release's, is logged and skipped.
        """
        with translated(self._engine.url):
            names = registry.names(self._rdb) if self._has_ledger() else []
            known = [stored.manifest for stored in map(self._stored, names) if stored is not None]
        return list(dict.fromkeys(one.artifact_store or str(Path(one.artifacts) / "models") for one in known))

    def completed(self, study_id: int) -> dict[int, float] | None:
        """The values of a study's completed trials, by number, as its ledger has them; None for a study of another
        program, or whose manifest can't be read.

        Raises:
            KeyError: there is no such study.
        """
        with translated(self._engine.url):
            name = self._rdb.get_study_name_from_id(study_id)
            stored = self._stored(name) if self._has_ledger() else None
            if stored is None:
                return None
            done = (slots.c.study_id == study_id, slots.c.outcome == "complete", slots.c.value.is_not(None))
            query = sa.select(slots.c.trial_number, slots.c.value).where(*done, stored.key.is_there())
            with reading(self._engine) as connection:
                return {row.trial_number: row.value for row in connection.execute(query)}

    def _has_ledger(self) -> bool:
        return sa.inspect(self._engine).has_table(tables.manifests.name)

    def _stored(self, study_name: str) -> registry.StoredStudy | None:
        try:
            return registry.stored_study(self._rdb, study_name)
        except (NotAStudyDatabase, SchemaTooNew) as error:
            log.warning("what the ledger has of the study %r isn't shown: %s", study_name, error)
            return None

    def check(self) -> None:
        """Raises StorageUnreachable unless the database answers."""
        with translated(self._engine.url), self._engine.connect() as connection:
            connection.execute(sa.select(tables.studies.c.study_id).limit(1))

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()


def browse(url: str, *, write: bool = False) -> Browsing | None:
    """Opens a database with Optuna's tables, whichever program created them; None while it doesn't exist or has no
    tables.

    Unless `write`, the database refuses every change.

    Raises:
        UrlError, NotAStudyDatabase, SchemaTooNew: as the errors' names say.
        StorageUsageError: its tables are those of an older Optuna.
        StorageUnreachable: it doesn't answer.
    """
    parsed = parse(url, write=write)
    if is_sqlite(parsed) and not path_of(parsed).exists():
        return None
    with translated(parsed):
        parsed, found = as_accepted(parsed, has_studies)
        if not found:
            return None
        with connected(parsed, "write" if write else "read") as rdb:
            return Browsing(get_storage(rdb), rdb, rdb.engine)


def has_studies(url: URL) -> bool:
    """Whether Optuna's tables are there; raises NotAStudyDatabase if the database has other tables."""
    with one_connection(url, "read") as connection:
        found = sa.inspect(connection).get_table_names()
    require_study_tables(found, shown(url))
    return {"studies", "version_info", "alembic_version"} <= set(found)
