"""The manifest goes through JSON unchanged, and says in what two of them differ."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from storage import Manifest, create_study, open_study, study_names
from storage.browsing import browse
from storage.differences import differences
from storage.errors import NotAStudyDatabase, StorageError, StudyNotFound
from storage.identity import STAMP
from storage.manifest import IDENTITY
from storage.tables import manifests
from storage.testkit import example_manifest
from storage.transaction import writing


def test_a_manifest_goes_through_json_unchanged() -> None:
    manifest = example_manifest(limit_train=100, versions={"keras": "3.15"}, data_dir="data")
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_fields_that_a_later_release_adds_are_passed_by() -> None:
    text = example_manifest().to_json()
    assert Manifest.from_json('{"added_later": 1, ' + text[1:]) == example_manifest()


def test_a_manifest_from_before_there_was_a_precision_is_one_of_float32() -> None:
    older = json.loads(example_manifest().to_json())
    del older["precision"]
    assert Manifest.from_json(json.dumps(older)) == example_manifest(precision="float32")


def test_a_manifest_from_before_there_were_further_metrics_measures_none() -> None:
    older = json.loads(example_manifest().to_json())
    del older["report_metrics"]
    assert Manifest.from_json(json.dumps(older)) == example_manifest(report_metrics=())


@pytest.mark.parametrize("text", ["", "{}", '{"schema_version": 1}', "no json"])
def test_a_damaged_manifest_is_reported(text: str) -> None:
    with pytest.raises(NotAStudyDatabase, match="manifest can't be read"):
        Manifest.from_json(text)


def test_only_what_changes_results_must_agree() -> None:
    stored = example_manifest()
    elsewhere = example_manifest(command="other", data_dir="other", created_at="later", artifacts="s3://other")
    assert differences(stored, elsewhere) == []
    found = differences(stored, example_manifest(sampler="random", limit_train=10))
    assert [str(difference) for difference in found] == [
        "--sampler: the study has tpe, asked for was random",
        "--limit-train: the study has all, asked for was 10",
    ]


NARROWED: dict[str, Any] = {
    "fixed": {"learning_rate": 0.01},
    "only": {"optimizer": ("adam", "sgd")},
    "ranges": {"dropout_rate": (0.1, 0.5)},
    "limits": {"parameters": 50000},
    "batch_sizes": (32, 64),
    "class_weights": ("none", "balanced"),
    "report_metrics": ("val_auc",),
    "space_version": 2,
}


def test_differences_are_told_as_they_are_typed_and_what_one_flag_asks_for_once() -> None:
    found = differences(example_manifest(batch_size=64), example_manifest(batch_size=128, **NARROWED))
    assert [str(difference) for difference in found] == [
        "the version of the space bn_dropout: the study has 1, asked for was 2",
        "--batch-size: the study has 64, asked for was 32,64",
        "--report-metrics: the study has none, asked for was val_auc",
        "--class-weight: the study has none, asked for was none,balanced",
        "--fix: the study has none, asked for was learning_rate=0.01",
        "--only: the study has none, asked for was optimizer=adam,sgd",
        "--range: the study has none, asked for was dropout_rate=0.1:0.5",
        "--limit: the study has none, asked for was parameters=50000",
    ]


def test_the_identity_names_fields_of_the_manifest() -> None:
    assert set(example_manifest().identity()) == set(IDENTITY)


def test_a_stamp_that_is_no_stamp_is_refused_as_folders_are_named_by_it(sqlite_url: str) -> None:
    with create_study(sqlite_url, "demo", example_manifest()) as study:
        study.trials.storage.set_study_system_attr(study.study_id, STAMP, "../../home")
        with writing(study.engine) as connection:
            connection.execute(sa.update(manifests).values(stamp="../../home"))
    with pytest.raises(NotAStudyDatabase, match="the stamp of the study 'demo' is damaged"):
        open_study(sqlite_url, "demo")


DAMAGE = {
    "manifest": "UPDATE search_manifests SET manifest = '{'",
    "a newer one": "UPDATE search_manifests SET manifest = '{\"schema_version\": 99}'",
    "stamp": "UPDATE study_system_attributes SET value_json = '{' WHERE \"key\" = 'search:stamp'",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_study_whose_record_is_damaged_keeps_no_other_from_being_found(damage: str, sqlite_url: str) -> None:
    with create_study(sqlite_url, "damaged", example_manifest()) as study, writing(study.engine) as connection:
        connection.exec_driver_sql(damage)
    with create_study(sqlite_url, "sound", example_manifest(artifacts="/files")):
        pass
    assert "sound" in study_names(sqlite_url)
    with open_study(sqlite_url, "sound", only_look=True) as study:
        assert study.manifest.artifacts == "/files"
    browsing = browse(sqlite_url)
    assert browsing is not None
    assert browsing.artifact_locations() == [str(Path("/files/models"))]
    browsing.close()
    with pytest.raises(StorageError):
        open_study(sqlite_url, "damaged")
    with pytest.raises(StudyNotFound, match=r"there are: .*sound"):
        open_study(sqlite_url, "another")
