"""A PostgreSQL server as its administrator sees it."""

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url


@dataclass(frozen=True)
class PostgresServer:
    """A server: the URL of its administrator, and its file of access rules if the server is the tests' own."""

    admin_url: str
    access_rules: Path | None

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return make_url(self.admin_url).set(database=database).render_as_string(hide_password=False)

    def execute(self, statement: str, *names: str) -> None:
        """Runs a statement as the administrator; each {} in it is one of the names."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def shut(self, database: str) -> None:
        """Ends every connection to a database, and allows no other."""
        self.execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", database)
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])

    def drop(self, database: str) -> None:
        """Deletes a database, with all its connections."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)
