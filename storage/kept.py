"""The files in the artifact store that a study has stored: only these may it remove.

A trial that is added to another study keeps its attributes and artifacts, and any program may write attributes. So a
file is registered here before its first byte is stored, and counts once it is complete.
"""

import re

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from storage.identity import StudyKey
from storage.records import KeptFile
from storage.tables import artifacts, slots
from storage.transaction import reading, writing

ARTIFACT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # as Optuna makes them


class KeptFiles:
    """The register of a study's files. After the study is deleted, every call raises StudyNotFound."""

    def __init__(self, engine: Engine, key: StudyKey) -> None:
        self._engine = engine
        self._study = key

    def begin(self, artifact_id: str, trial_number: int, filename: str) -> None:
        """Registers a file before it is stored."""
        values = {"artifact_id": artifact_id, "trial_number": trial_number, "filename": filename}
        with writing(self._engine) as connection:
            self._study.require(connection)
            connection.execute(sa.insert(artifacts).values(study_id=self._study.study_id, **values))

    def complete(self, artifact_id: str) -> bool:
        """Records that the file is complete; false if it was removed from the register in the meantime."""
        with writing(self._engine) as connection:
            self._study.require(connection)
            changed = connection.execute(sa.update(artifacts).where(*self._one(artifact_id)).values(stored=True))
            return changed.rowcount > 0

    def forget(self, artifact_id: str) -> None:
        """Removes a file from the register; a missing one isn't an error."""
        with writing(self._engine) as connection:
            self._study.require(connection)
            connection.execute(sa.delete(artifacts).where(*self._one(artifact_id)))

    def of_trial(self, trial_number: int) -> list[KeptFile]:
        """The files of a trial, those that are being stored included."""
        return self._found(artifacts.c.trial_number == trial_number)

    def all(self) -> list[KeptFile]:
        """The files of all trials, those that are being stored included."""
        return self._found()

    def named(self, filename: str) -> list[KeptFile]:
        """The complete files of that name, by trial."""
        return self._found(artifacts.c.filename == filename, artifacts.c.stored)

    def broken_off(self) -> list[KeptFile]:
        """The incomplete files that no worker is storing any more: their slots are confirmed."""
        settled = sa.exists().where(
            slots.c.study_id == artifacts.c.study_id,
            slots.c.trial_number == artifacts.c.trial_number,
            slots.c.confirmed,
        )
        return self._found(sa.not_(artifacts.c.stored), settled)

    def _found(self, *conditions: sa.ColumnElement[bool]) -> list[KeptFile]:
        columns = (artifacts.c.artifact_id, artifacts.c.trial_number, artifacts.c.filename, artifacts.c.stored)
        query = sa.select(*columns).where(artifacts.c.study_id == self._study.study_id, *conditions)
        with reading(self._engine) as connection:
            self._study.require(connection)
            rows = connection.execute(query.order_by(artifacts.c.trial_number, artifacts.c.artifact_id))
            return [KeptFile(*row) for row in rows if ARTIFACT_ID.fullmatch(row.artifact_id)]

    def _one(self, artifact_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return artifacts.c.study_id == self._study.study_id, artifacts.c.artifact_id == artifact_id
