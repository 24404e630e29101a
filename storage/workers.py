"""The workers of a study: their last state, and the time of their last heartbeat."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from storage.identity import StudyKey
from storage.records import WorkerInfo, WorkerRow
from storage.rows import to_json
from storage.tables import database_now, workers
from storage.transaction import at_once, reading, writing


class Workers:
    """The register of a study's workers. It authorizes nothing: the ledger's tokens protect the results.

    After the study is deleted, every call raises StudyNotFound, even if another study has its ID.
    """

    def __init__(self, engine: Engine, key: StudyKey) -> None:
        self._engine = engine
        self._study = key

    def register(self, info: WorkerInfo) -> None:
        """Registers a worker; one that is registered already starts over.

        Raises:
            StudyNotFound: the study was deleted.
        """
        values = {
            "host": info.host,
            "pid": info.pid,
            "device": info.device,
            "versions": to_json(info.versions),
            "job": info.job,
            "started_at": database_now(),
            "seen_at": database_now(),
        }
        with writing(self._engine) as connection:
            self._study.require(connection)
            connection.execute(sa.delete(workers).where(*self._key(info.worker_id)))
            connection.execute(
                sa.insert(workers).values(study_id=self._study.study_id, worker_id=info.worker_id, **values)
            )

    def beat(self, worker_id: str, **state: Any) -> None:
        """Stores a worker's heartbeat and its state, any JSON value. Without a state, the last one is kept."""
        self._update(worker_id, {"state": to_json(state)} if state else {})

    def leave(self, worker_id: str, reason: str) -> None:
        """Notes that a worker has left, and why."""
        self._update(worker_id, {"left_reason": reason})

    def all(self) -> list[WorkerRow]:
        """All workers, past and present, in order of arrival."""
        query = sa.select(workers, sa.func.abs(database_now() - workers.c.seen_at).label("age_s"))
        query = query.where(workers.c.study_id == self._study.study_id)
        with reading(self._engine) as connection:
            self._study.require(connection)
            return [
                as_worker(row) for row in connection.execute(query.order_by(workers.c.started_at, workers.c.worker_id))
            ]

    def _update(self, worker_id: str, values: dict[str, Any]) -> None:
        update = sa.update(workers).where(*self._key(worker_id), self._study.is_there())
        with at_once(self._engine) as connection:
            if connection.execute(update.values(seen_at=database_now(), **values)).rowcount == 0:
                self._study.require(connection)

    def _key(self, worker_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return workers.c.study_id == self._study.study_id, workers.c.worker_id == worker_id


def as_worker(row: sa.Row[Any]) -> WorkerRow:
    """The record of a worker, from its row and its `age_s`."""
    info = WorkerInfo(
        worker_id=row.worker_id,
        host=row.host,
        pid=row.pid,
        device=row.device,
        versions=msgspec.json.decode(row.versions, type=dict[str, str]),
        job=row.job,
    )
    return WorkerRow(
        info=info,
        state=msgspec.json.decode(row.state, type=dict[str, Any]),
        started_at=row.started_at,
        age_s=row.age_s,
        left=row.left_reason,
    )
