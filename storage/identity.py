"""The identity of a study: checked at every use of its rows, in the same transaction.

A database reuses the ID of a deleted study, and a restored database has other studies under the same IDs. So a study
also has a random stamp, in its manifest's row and among its Optuna attributes: a client that knows nothing of our
tables deletes the attribute alone.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage.errors import StudyNotFound
from storage.tables import manifests

STAMP = "search:stamp"
SHAPE = re.compile(r"[0-9a-f]{32}")  # that of uuid.uuid4().hex

attributes = sa.table(
    "study_system_attributes",
    sa.column("study_id", sa.Integer),
    sa.column("key", sa.String),
    sa.column("value_json", sa.Text),
)


@dataclass(frozen=True)
class StudyKey:
    """One study, for all time: its number and its stamp."""

    study_id: int
    stamp: str

    def query(self, column: sa.Column[Any]) -> sa.Select[Any]:
        """The query for a column of the manifest's row, which there is as long as the study is there."""
        stamped = sa.exists().where(
            attributes.c.study_id == self.study_id,
            attributes.c.key == STAMP,
            attributes.c.value_json == json.dumps(self.stamp),
        )
        return sa.select(column).where(manifests.c.study_id == self.study_id, manifests.c.stamp == self.stamp, stamped)

    def is_there(self) -> sa.ColumnElement[bool]:
        """The condition, for a query about something else, that the study is there."""
        return self.query(manifests.c.study_id).exists()

    def require(self, connection: Connection) -> None:
        """Raises StudyNotFound unless the study is there."""
        if connection.execute(self.query(manifests.c.study_id)).one_or_none() is None:
            raise deleted()


def deleted() -> StudyNotFound:
    """The error for using a deleted study, even if another study has its ID."""
    return StudyNotFound("the study was deleted while it was in use")
