"""Which of a database's studies are ours, and their manifests.

A manifest's row and its Optuna study carry the same random stamp. A study that was deleted by a plain Optuna client,
to whom our tables mean nothing, leaves rows behind on SQLite, which also gives its number to the next study made.
"""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from optuna.storages import RDBStorage
from sqlalchemy.engine import Engine

from storage.comparison import Comparison
from storage.errors import NotAStudyDatabase
from storage.identity import SHAPE, STAMP, StudyKey, attributes
from storage.manifest import Manifest
from storage.tables import OF_A_STUDY, manifests, studies
from storage.transaction import reading, writing


@dataclass(frozen=True)
class StoredStudy:
    """A study of ours, as it was found."""

    key: StudyKey
    manifest: Manifest


def purge(engine: Engine) -> None:
    """Deletes the rows of studies that are no longer there."""
    alive = sa.select(studies.c.study_id)
    with writing(engine) as connection:
        for table in OF_A_STUDY:
            connection.execute(sa.delete(table).where(table.c.study_id.not_in(alive)))


def store_manifest(rdb: RDBStorage, study_name: str, manifest: Manifest) -> StudyKey:
    """Makes an Optuna study ours, and an empty one: what there was under its number belonged to an earlier study."""
    study_id = rdb.get_study_id_from_name(study_name)
    stamp = uuid.uuid4().hex
    rdb.set_study_system_attr(study_id, STAMP, stamp)
    with writing(rdb.engine) as connection:
        for table in OF_A_STUDY:
            connection.execute(sa.delete(table).where(table.c.study_id == study_id))
        connection.execute(sa.insert(manifests).values(study_id=study_id, stamp=stamp, manifest=manifest.to_json()))
    return StudyKey(study_id, stamp)


def stored_study(rdb: RDBStorage, study_name: str) -> StoredStudy | None:
    """The study of that name, None if there is none or it isn't ours.

    Raises:
        SchemaTooNew: a newer release wrote its manifest.
        NotAStudyDatabase: what is stored of it is damaged.
    """
    query = _ours(manifests).where(studies.c.study_name == study_name)
    with reading(rdb.engine) as connection:
        row = connection.execute(query).one_or_none()
    if row is None or not _is_stamped(row):
        return None
    if not SHAPE.fullmatch(row.stamp):  # folders are named by it
        raise NotAStudyDatabase(f"the stamp of the study {study_name!r} is damaged: {row.stamp!r}")
    return StoredStudy(StudyKey(row.study_id, row.stamp), Manifest.from_json(row.manifest))


def update_comparison(rdb: RDBStorage, study_name: str, asked: Comparison) -> Manifest:
    """Stores the margin that is asked for, and the looks if they go beyond those that are there; the study's manifest
    after that.
    """
    study_id = rdb.get_study_id_from_name(study_name)
    here = manifests.c.study_id == study_id
    with writing(rdb.engine) as connection:
        text = connection.scalar(sa.select(manifests.c.manifest).where(here).with_for_update())
        stored = Manifest.from_json(text or "")
        updated = msgspec.structs.replace(stored, comparison=extended(stored.comparison, asked))
        if updated != stored:
            connection.execute(sa.update(manifests).where(here).values(manifest=updated.to_json()))
    return updated


def extended(stored: Comparison | None, asked: Comparison) -> Comparison:
    """The design with the looks of the one that goes on for longer, and the margin that is asked for."""
    if stored is None or stored.last_look.replicates < asked.last_look.replicates:
        return asked
    return msgspec.structs.replace(stored, margin=asked.margin)


def all_names(engine: Engine) -> list[str]:
    """The names of all studies, others' too. Optuna's function for it reads the attributes of each, and one that is
    damaged would keep all from being found.
    """
    with reading(engine) as connection:
        return list(connection.scalars(sa.select(studies.c.study_name).order_by(studies.c.study_id)))


def names(rdb: RDBStorage) -> list[str]:
    """The names of the studies that are ours, in alphabetical order."""
    with reading(rdb.engine) as connection:
        found = connection.execute(_ours(studies.c.study_name, manifests.c.stamp)).all()
    return sorted(row.study_name for row in found if _is_stamped(row))


def stamps(rdb: RDBStorage) -> list[str]:
    """The stamps of all studies that have a manifest, also of those whose other stamp is damaged."""
    query = sa.select(manifests.c.stamp).join(studies, manifests.c.study_id == studies.c.study_id)
    with reading(rdb.engine) as connection:
        return list(connection.scalars(query))


def _ours(*columns: sa.Table | sa.Column[Any]) -> sa.Select[Any]:
    """The columns of the studies that have a manifest and, as `optuna_stamp`, the stamp among their attributes."""
    stamped = sa.and_(attributes.c.study_id == studies.c.study_id, attributes.c.key == STAMP)
    rows = manifests.join(studies, manifests.c.study_id == studies.c.study_id).join(attributes, stamped)
    return sa.select(*columns, attributes.c.value_json.label("optuna_stamp")).select_from(rows)


def _is_stamped(row: sa.Row[Any]) -> bool:
    """Whether both stamps are the same. As they are compared as they are stored, one that is damaged is another."""
    return bool(row.optuna_stamp == json.dumps(row.stamp))
