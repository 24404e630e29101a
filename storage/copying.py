"""A copy of a study in another database: Optuna's trials by Optuna, our tables row by row.

The copy has a temporary name until it is complete, and then gets its own in the transaction that stores our rows. The
next copy removes what a killed one has left under the temporary name.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.storages import RDBStorage, get_storage
from sqlalchemy.engine import Connection

from storage import registry
from storage.engine import opened
from storage.errors import NameTaken
from storage.fence import joined
from storage.identity import STAMP
from storage.manifest import Manifest
from storage.names import names_of_all
from storage.schema import creation_lock
from storage.study import SharedStudy
from storage.tables import OF_A_STUDY, manifests, slots, studies, workers
from storage.transaction import reading, writing
from storage.url import parse

UNFINISHED = " (being copied)"
COPIED = "the study was copied"

# The copy has no workers: trials that were running are run again there.
UNCLAIMED: Mapping[str, Any] = {"state": "waiting", "worker_id": None, "lease_expires_at": None}


def require_new_name(url: str, name: str) -> None:
    """Raises NameTaken if a study of the database has the name, also one of another program; a database that doesn't
    exist has none.
    """
    if name in names_of_all(url):
        raise NameTaken(name)


def copy_study(shared: SharedStudy, url: str, name: str, manifest: Manifest) -> str:
    """Copies a study without active workers into a database, which is created if necessary; returns the copy's stamp.

    The copy has the given `manifest` and its own stamp. Its trials keep their numbers.

    Raises:
        NameTaken: a study of that name is there.
        StorageUnreachable: one of the databases doesn't answer.
    """
    parsed = parse(url)
    with opened(parsed, create=True) as rdb, creation_lock(parsed):
        try:
            return _copied(shared, rdb, name, manifest)
        finally:
            rdb.engine.dispose()


def _copied(shared: SharedStudy, rdb: RDBStorage, name: str, manifest: Manifest) -> str:
    unfinished, names = name + UNFINISHED, registry.all_names(rdb.engine)
    if name in names:
        raise NameTaken(name)
    if unfinished in names:
        rdb.delete_study(rdb.get_study_id_from_name(unfinished))
    optuna.copy_study(
        from_study_name=shared.name,
        from_storage=shared.trials.storage,
        to_storage=get_storage(rdb),
        to_study_name=unfinished,
    )
    study_id, stamp = rdb.get_study_id_from_name(unfinished), uuid.uuid4().hex
    rows = _rows(shared)
    with writing(rdb.engine) as connection, joined(rdb, connection):
        rdb.set_study_system_attr(study_id, STAMP, stamp)
        for table, found in rows.items():
            _insert(connection, table, [{**row, "study_id": study_id} for row in found])
        changed = sa.update(manifests).where(manifests.c.study_id == study_id)
        connection.execute(changed.values(stamp=stamp, manifest=manifest.to_json()))
        connection.execute(sa.update(studies).where(studies.c.study_id == study_id).values(study_name=name))
    return stamp


def _rows(shared: SharedStudy) -> dict[sa.Table, list[dict[str, Any]]]:
    """The rows of our tables, as the copy stores them."""
    rows = dict[sa.Table, list[dict[str, Any]]]()
    with reading(shared.engine) as connection:
        shared.key.require(connection)
        for table in OF_A_STUDY:
            found = connection.execute(sa.select(table).where(table.c.study_id == shared.study_id))
            rows[table] = [dict(row) for row in found.mappings()]
    rows[slots] = [{**row, **UNCLAIMED} if row["state"] == "leased" else row for row in rows[slots]]
    rows[workers] = [{**row, "left_reason": row["left_reason"] or COPIED} for row in rows[workers]]
    return rows


def _insert(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(sa.insert(table), rows)
