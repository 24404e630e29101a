"""The way up from the tables of an earlier release: one function a version, all in one transaction.

A release that changes a table raises `tables.SCHEMA_VERSION` and adds the step that leads there. A step says itself
what it does to the database, and never refers to `tables`, which describe the newest version alone. Workers of an
earlier release that are connected go on: what is added has a default, and nothing that they use goes away.
"""

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


# The version that a step leads to, and the step.
MIGRATIONS: Mapping[int, Migration] = {
    2: count_expiries,
}


def migrate(connection: Connection, version: int, target: int) -> None:
    """Brings the tables from one version to a later one, in the transaction that is open on the connection."""
    operations = Operations(MigrationContext.configure(connection))
    for step in range(version + 1, target + 1):
        MIGRATIONS[step](operations)
