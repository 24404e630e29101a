"""A task of a study that one process at a time does, whichever comes first, until it is done.

The process that has the duty keeps renewing it. If it is killed, another gets the duty once it hasn't been renewed for
a while, by the database's clock.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from storage.identity import StudyKey
from storage.tables import database_now, notices
from storage.transaction import writing
from storage.trial_rows import upsert

LEASE_S = 60.0
KIND = "duty"  # among the notices, which are other things that one process does


class Duty:
    """One task, by its name, as one process sees it. After the study is deleted, calls raise StudyNotFound."""

    def __init__(self, engine: Engine, key: StudyKey, task: str) -> None:
        self._engine = engine
        self._study = key
        self._row = {"study_id": key.study_id, "kind": KIND, "occasion": task}
        self._taken_at: float | None = None

    def take(self, lease_s: float = LEASE_S) -> bool:
        """Whether this process has the duty from now on: no other has taken or renewed it for `lease_s` seconds."""
        insert = {**self._row, "claimed_at": database_now()}
        stale = notices.c.claimed_at < database_now() - lease_s
        with writing(self._engine) as connection:
            self._study.require(connection)
            first = upsert(connection, notices).values(insert).on_conflict_do_nothing()
            self._taken_at = connection.scalar(first.returning(notices.c.claimed_at))
            if self._taken_at is None:
                again = sa.update(notices).where(*self._here(), stale).values(claimed_at=database_now())
                self._taken_at = connection.scalar(again.returning(notices.c.claimed_at))
        return self._taken_at is not None

    def renew(self) -> bool:
        """Whether this process still has the duty, which is then renewed."""
        mine = notices.c.claimed_at == self._taken_at
        with writing(self._engine) as connection:
            self._study.require(connection)
            renewed = sa.update(notices).where(*self._here(), mine).values(claimed_at=database_now())
            self._taken_at = connection.scalar(renewed.returning(notices.c.claimed_at))
        return self._taken_at is not None

    def lay_down(self) -> None:
        """Lets another process have the duty at once, if this one still has it."""
        with writing(self._engine) as connection:
            self._study.require(connection)
            connection.execute(sa.delete(notices).where(*self._here(), notices.c.claimed_at == self._taken_at))
        self._taken_at = None

    def _here(self) -> list[sa.ColumnElement[bool]]:
        return [notices.c[name] == value for name, value in self._row.items()]
