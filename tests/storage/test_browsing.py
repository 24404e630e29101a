"""A reader of a database sees all studies in it, changes nothing, and delays no worker."""

from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa

from storage import create_study
from storage.browsing import browse
from storage.errors import NotAStudyDatabase, StudyNotFound
from storage.testkit import example_manifest

MANIFEST = example_manifest(artifacts="/files")


def test_a_database_without_tables_is_none_yet(empty_storage_url: str) -> None:
    assert browse(empty_storage_url) is None


def test_the_studies_and_where_their_artifacts_are(storage_url: str) -> None:
    with create_study(storage_url, "ours", MANIFEST):
        browsing = browse(storage_url)
    assert browsing is not None
    assert browsing.artifact_locations() == [str(Path("/files/models"))]
    assert browsing.storage.get_study_name_from_id(browsing.study_id("ours")) == "ours"
    with pytest.raises(StudyNotFound, match="there are: ours"):
        browsing.study_id("another")
    browsing.close()


def test_the_database_itself_refuses_changes(storage_url: str) -> None:
    with create_study(storage_url, "ours", MANIFEST):
        browsing = browse(storage_url)
        assert browsing is not None
        with pytest.raises((sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError)):
            browsing.storage.delete_study(browsing.study_id("ours"))
        assert browsing.study_id("ours")
        browsing.close()


def test_changes_are_possible_where_they_are_asked_for(storage_url: str) -> None:
    with create_study(storage_url, "ours", MANIFEST):
        browsing = browse(storage_url, write=True)
        assert browsing is not None
        browsing.storage.delete_study(browsing.study_id("ours"))
        browsing.close()


def test_looking_waits_for_no_writer(sqlite_url: str) -> None:
    with create_study(sqlite_url, "ours", MANIFEST) as shared:
        browsing = browse(sqlite_url)
        assert browsing is not None
        with shared.engine.begin() as writer:
            writer.exec_driver_sql("UPDATE studies SET study_name = 'theirs'")
            assert browsing.study_id("ours")
        browsing.close()


def test_studies_of_other_programs_are_shown_too(sqlite_url: str) -> None:
    storage = optuna.storages.RDBStorage(sqlite_url)
    optuna.create_study(storage=storage, study_name="plain")
    browsing = browse(sqlite_url)
    assert browsing is not None
    assert browsing.study_id("plain")
    assert browsing.artifact_locations() == []
    browsing.close()
    storage.engine.dispose()


def test_a_database_of_something_else_is_refused(sqlite_url: str) -> None:
    engine = sa.create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE recipes (name TEXT)")
    engine.dispose()
    with pytest.raises(NotAStudyDatabase):
        browse(sqlite_url)
