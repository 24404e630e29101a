"""Which of a database's studies are ours, and their manifests.

A manifest's row and its Optuna study carry the same random stamp. A study that was deleted by a plain Optuna client,
to whom our tables mean nothing, leaves rows behind on SQLite, which also gives its number to the next study made.
"""

import uuid
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa
from optuna.storages import RDBStorage
from sqlalchemy.engine import Engine

from storage.comparison import Comparison
from storage.errors import NotAStudyDatabase
from storage.identity import SHAPE, STAMP, StudyKey
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
    query = sa.select(manifests).join(studies).where(studies.c.study_name == study_name)
    with reading(rdb.engine) as connection:
        row = connection.execute(query).one_or_none()
    if row is None or rdb.get_study_system_attrs(row.study_id).get(STAMP) != row.stamp:
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


def names(rdb: RDBStorage) -> list[str]:
    """The names of the studies that are ours, in alphabetical order."""
    query = sa.select(studies.c.study_id, studies.c.study_name, manifests.c.stamp).join(manifests)
    with reading(rdb.engine) as connection:
        found = connection.execute(query).all()
    return sorted(row.study_name for row in found if rdb.get_study_system_attrs(row.study_id).get(STAMP) == row.stamp)
