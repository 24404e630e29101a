"""Another name for a study. Optuna has no function for it; the name is in one row of its tables."""

import sqlalchemy as sa

from storage.errors import NameTaken
from storage.study import SharedStudy
from storage.tables import studies
from storage.transaction import writing


def rename_study(shared: SharedStudy, name: str) -> None:
    """Gives the study another name.

    Raises:
        NameTaken: another study has it.
        StudyNotFound: the study was deleted meanwhile.
    """
    with writing(shared.engine) as connection:
        shared.key.require(connection)
        if connection.scalar(sa.select(studies.c.study_id).where(studies.c.study_name == name)) is not None:
            raise NameTaken(name)
        here = studies.c.study_id == shared.study_id
        connection.execute(sa.update(studies).where(here).values(study_name=name))
