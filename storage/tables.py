"""Our tables, next to Optuna's in the same database, and the database's clock.

A study's row in `search_manifests` is also the lock of what concerns all its slots: ordering them, and the stop reason.
Times are floating-point Unix seconds by the database's clock.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

SCHEMA_VERSION = 10  # a change of the tables has a step in storage/migrations.py

metadata = sa.MetaData()

# Optuna's table, as far as ours refer to it; Optuna creates it.
studies = sa.Table(
    "studies",
    metadata,
    sa.Column("study_id", sa.Integer, primary_key=True),
    sa.Column("study_name", sa.String(512), nullable=False),
)


def study_id_column() -> sa.Column[int]:
    """The first column of each table's primary key: rows go when their study goes."""
    return sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.study_id", ondelete="CASCADE"), primary_key=True)


schema = sa.Table(
    "search_schema",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)

# `stamp` is also an attribute of the Optuna study. A database that reuses the ids of deleted studies could otherwise
# show the rows of a deleted study as those of a new one.
manifests = sa.Table(
    "search_manifests",
    metadata,
    study_id_column(),
    sa.Column("stamp", sa.String(32), nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),
    sa.Column("stop_reason", sa.Text),
    sa.Column("ending", sa.Text),
    sa.Column("ended", sa.Text),
)

slots = sa.Table(
    "search_slots",
    metadata,
    study_id_column(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(8), nullable=False, server_default="waiting"),
    sa.Column("token", sa.Integer, nullable=False, server_default="0"),
    sa.Column("worker_id", sa.Text),
    sa.Column("lease_expires_at", sa.Double),
    sa.Column("trial_number", sa.Integer),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("params", sa.Text),
    sa.Column("settings", sa.Text),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("expiries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_failure", sa.Text),
    sa.Column("outcome", sa.String(16)),
    sa.Column("value", sa.Double),
    sa.Column("reason", sa.Text),
    sa.Column("kind", sa.String(32)),
    sa.Column("epochs", sa.Integer),
    sa.Column("finished_at", sa.Double),
    sa.Column("confirmed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("study_id", "trial_number", name="search_slots_trial"),
    sa.CheckConstraint("state IN ('waiting', 'leased', 'paused', 'done')", name="search_slots_state"),
    sa.CheckConstraint("(state = 'done') = (outcome IS NOT NULL)", name="search_slots_outcome"),
)

# Both conditions are spelled out, here and in the queries: a planner can't match a bound parameter to a partial index.
is_open = sa.text("state <> 'done'")
is_unconfirmed = sa.and_(sa.text("state = 'done'"), slots.c.confirmed == sa.false())
sa.Index("search_slots_open", slots.c.study_id, slots.c.number, postgresql_where=is_open, sqlite_where=is_open)
sa.Index(
    "search_slots_unconfirmed",
    slots.c.study_id,
    slots.c.number,
    postgresql_where=is_unconfirmed,
    sqlite_where=is_unconfirmed,
)

# The trials that have come to a rung of promotion, each with its value there. `fate` is what has become of it: paused,
# promoted, finishing (to be trained to its end), or closed, if its slot was ended while it was paused.
rungs = sa.Table(
    "search_rungs",
    metadata,
    study_id_column(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("value", sa.Double),
    sa.Column("fate", sa.String(9), nullable=False),
    sa.Column("recorded_at", sa.Double, nullable=False),
    sa.CheckConstraint("fate IN ('paused', 'promoted', 'finishing', 'closed')", name="search_rungs_fate"),
)
sa.Index("search_rungs_values", rungs.c.study_id, rungs.c.epoch, rungs.c.value)

epochs = sa.Table(
    "search_epochs",
    metadata,
    study_id_column(),
    sa.Column("trial_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("loss", sa.Double),
    sa.Column("accuracy", sa.Double),
    sa.Column("val_loss", sa.Double),
    sa.Column("val_accuracy", sa.Double),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("learning_rate", sa.Double, nullable=False),
    sa.Column("recorded_at", sa.Double, nullable=False),
    sa.Column("metrics", sa.Text, nullable=False, server_default="{}"),
)

workers = sa.Table(
    "search_workers",
    metadata,
    study_id_column(),
    sa.Column("worker_id", sa.String(255), primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("versions", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="{}"),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("left_reason", sa.Text),
    sa.Column("job", sa.Text),
)

artifacts = sa.Table(
    "search_artifacts",
    metadata,
    study_id_column(),
    sa.Column("artifact_id", sa.String(64), primary_key=True),
    sa.Column("trial_number", sa.Integer, nullable=False),
    sa.Column("filename", sa.Text, nullable=False),
    sa.Column("stored", sa.Boolean, nullable=False, server_default=sa.false()),
)

# A study's place in the queue of workers that serve all studies; without a row, the defaults.
queue = sa.Table(
    "search_queue",
    metadata,
    study_id_column(),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("max_workers", sa.Integer),
    sa.Column("owner", sa.Text),
    sa.Column("paused", sa.Boolean, nullable=False, server_default=sa.false()),
)

# The notices that were sent about a study. A row is made before its notice is sent, by who sends it.
notices = sa.Table(
    "search_notices",
    metadata,
    study_id_column(),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("occasion", sa.String(64), primary_key=True),
    sa.Column("claimed_at", sa.Double, nullable=False),
)

OURS = (schema, manifests, slots, rungs, epochs, workers, artifacts, queue, notices)
OF_A_STUDY = (manifests, slots, rungs, epochs, workers, artifacts, queue, notices)


class database_now(FunctionElement[float]):  # noqa: N801 - it stands in queries as a function does
    """The time at which the statement began, by the database's clock, in Unix seconds."""

    type = sa.Double()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _sqlite_now(_element: database_now, _compiler: SQLCompiler, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_now, "postgresql")
def _postgresql_now(_element: database_now, _compiler: SQLCompiler, **_: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM statement_timestamp()) AS double precision)"
