"""The notices about a study that were sent: each is sent once, by whichever process."""

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from storage.identity import StudyKey
from storage.tables import database_now, notices
from storage.transaction import writing
from storage.trial_rows import upsert


class Notices:
    """The register of a study's notices. After the study is deleted, every call raises StudyNotFound."""

    def __init__(self, engine: Engine, key: StudyKey) -> None:
        self._engine = engine
        self._study = key

    def claim(self, kind: str, occasion: str) -> bool:
        """Whether the caller is to send the notice: true for the first who asks, of all processes on all hosts. The
        `occasion` says what a notice of that kind is about, such as how many trials were finished at an end.
        """
        values = {"study_id": self._study.study_id, "kind": kind, "occasion": occasion, "claimed_at": database_now()}
        with writing(self._engine) as connection:
            self._study.require(connection)
            insert = upsert(connection, notices).values(values).on_conflict_do_nothing().returning(notices.c.kind)
            return connection.execute(insert).one_or_none() is not None

    def give_back(self, kind: str, occasion: str) -> None:
        """Notes that a claimed notice couldn't be sent, so that another process, or a later one, tries again."""
        here = (notices.c.study_id == self._study.study_id, notices.c.kind == kind, notices.c.occasion == occasion)
        with writing(self._engine) as connection:
            self._study.require(connection)
            connection.execute(sa.delete(notices).where(*here))
