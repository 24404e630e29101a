"""Migrations of the tables of earlier releases: one function per version, all in one transaction.

A release that changes a table raises `tables.SCHEMA_VERSION` and adds the step that leads there. A step says itself
what it does to the database, and never refers to `tables`, which describe the newest version alone. Connected workers
of an earlier release continue: additions have defaults, and nothing that they use is removed.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

Migration: TypeAlias = Callable[[Operations], None]


def count_expiries(operations: Operations) -> None:
    """Expired leases are counted apart from failed attempts."""
    column = sa.Column("expiries", sa.Integer, nullable=False, server_default="0")
    operations.add_column("search_slots", column)


def record_models(operations: Operations) -> None:
    """The files that a study keeps are on record; its own trials say which models it has kept so far."""
    table = operations.create_table(
        "search_artifacts",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.study_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("artifact_id", sa.String(64), primary_key=True),
        sa.Column("trial_number", sa.Integer, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("stored", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    connection = operations.get_bind()
    rows = [
        {"study_id": study, "artifact_id": artifact, "trial_number": trial, "filename": "model.keras", "stored": True}
        for (study, artifact), trial in own_models(connection).items()
    ]
    if rows:
        connection.execute(sa.insert(table), rows)


def own_models(connection: Connection) -> dict[tuple[int, str], int]:
    """The trials whose model was kept, by study and artifact: those that slots have, whatever others have added."""
    query = sa.text(
        "SELECT slots.study_id, slots.trial_number, attributes.value_json FROM search_slots slots "
        "JOIN trials ON trials.study_id = slots.study_id AND trials.number = slots.trial_number "
        "JOIN trial_user_attributes attributes ON attributes.trial_id = trials.trial_id "
        "WHERE attributes.key = 'model_artifact'"
    )
    found = [(study, json.loads(value), trial) for study, trial, value in connection.execute(query)]
    return {(study, artifact): trial for study, artifact, trial in found if is_artifact(artifact)}


def is_artifact(value: object) -> bool:
    """Whether the value of an attribute can be the id of an artifact, as Optuna makes them."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None


def name_jobs(operations: Operations) -> None:
    """Workers that a cluster placed say which of its jobs they run in."""
    operations.add_column("search_workers", sa.Column("job", sa.Text))


def add_metrics(operations: Operations) -> None:
    """Epochs may have further metrics."""
    column = sa.Column("metrics", sa.Text, nullable=False, server_default="{}")
    operations.add_column("search_epochs", column)


def queue_studies(operations: Operations) -> None:
    """Studies have a place in the queue of workers that serve all of them."""
    operations.create_table(
        "search_queue",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.study_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
        sa.Column("max_workers", sa.Integer),
        sa.Column("owner", sa.Text),
        sa.Column("paused", sa.Boolean, nullable=False, server_default=sa.false()),
    )


def end_searches(operations: Operations) -> None:
    """Studies have rules that end them early, and say what has."""
    operations.add_column("search_manifests", sa.Column("ending", sa.Text))
    operations.add_column("search_manifests", sa.Column("ended", sa.Text))


def remember_notices(operations: Operations) -> None:
    """Notices about studies are sent once."""
    operations.create_table(
        "search_notices",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.study_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("occasion", sa.String(64), primary_key=True),
        sa.Column("claimed_at", sa.Double, nullable=False),
    )


def pause_trials(operations: Operations) -> None:
    """Slots may be paused at a rung."""
    operations.create_table(
        "search_rungs",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.study_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Double),
        sa.Column("fate", sa.String(9), nullable=False),
        sa.Column("recorded_at", sa.Double, nullable=False),
        sa.CheckConstraint("fate IN ('paused', 'promoted', 'finishing', 'closed')", name="search_rungs_fate"),
    )
    operations.create_index("search_rungs_values", "search_rungs", ["study_id", "epoch", "value"])
    before, after = "'waiting', 'leased', 'done'", "'waiting', 'leased', 'paused', 'done'"
    if operations.get_bind().dialect.name == "sqlite":
        replace_in_definition(operations.get_bind(), "search_slots", before, after)
    else:
        operations.drop_constraint("search_slots_state", "search_slots")
        operations.create_check_constraint("search_slots_state", "search_slots", f"state IN ({after})")


def have_infeasible_trials(operations: Operations) -> None:
    """Outcomes may have longer names, such as infeasible."""
    if operations.get_bind().dialect.name == "sqlite":
        replace_in_definition(operations.get_bind(), "search_slots", "outcome VARCHAR(8)", "outcome VARCHAR(16)")
    else:
        operations.alter_column("search_slots", "outcome", type_=sa.String(16))


def replace_in_definition(connection: Connection, table: str, before: str, after: str) -> None:
    """Recreates a table of SQLite, which can't change constraints, with one text for another in its definition."""
    definitions = sa.text("SELECT sql FROM sqlite_master WHERE tbl_name = :table AND type = :kind AND sql IS NOT NULL")
    created, *_ = connection.scalars(definitions, {"table": table, "kind": "table"})
    indexes = list(connection.scalars(definitions, {"table": table, "kind": "index"}))
    connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_before")
    connection.exec_driver_sql(created.replace(before, after))
    connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM {table}_before")  # noqa: S608 - names of this file
    connection.exec_driver_sql(f"DROP TABLE {table}_before")
    for index in indexes:
        connection.exec_driver_sql(index)


# The version that a step leads to, and the step.
MIGRATIONS: Mapping[int, Migration] = {
    2: count_expiries,
    3: record_models,
    4: name_jobs,
    5: add_metrics,
    6: queue_studies,
    7: end_searches,
    8: remember_notices,
    9: pause_trials,
    10: have_infeasible_trials,
}


def migrate(connection: Connection, version: int, target: int) -> None:
    """Brings the tables from one version to a later one, in the transaction that is open on the connection."""
    operations = Operations(MigrationContext.configure(connection))
    for step in range(version + 1, target + 1):
        MIGRATIONS[step](operations)
