"""The names of a database's studies, whichever program made them, for a look before anything is created."""

import sqlalchemy as sa
from sqlalchemy.engine import URL

from storage.connecting import is_sqlite, one_connection, path_of
from storage.optuna_tables import trials
from storage.pooler import as_accepted
from storage.tables import studies
from storage.transaction import translated
from storage.url import parse


def names_of_all(url: str, *, used: bool = False) -> list[str]:
    """The names of all studies, or of those that have trials, if `used`; none where there is no database, or none of
    Optuna's.

    Raises:
        StorageError: the database doesn't answer, or isn't one.
    """
    parsed = parse(url, write=False)
    if is_sqlite(parsed) and not path_of(parsed).exists():
        return []
    query = sa.select(studies.c.study_name).order_by(studies.c.study_id)
    if used:
        query = query.where(sa.exists().where(trials.c.study_id == studies.c.study_id))

    def look(url: URL) -> list[str]:
        with one_connection(url, "read") as connection:
            there = sa.inspect(connection).has_table(studies.name)
            return list(connection.scalars(query)) if there else []

    with translated(parsed):
        return as_accepted(parsed, look)[1]
