"""Files of trials: kept whole or not at all, and shown by Optuna under their names."""

import errno
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import optuna
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.artifacts.exceptions import ArtifactNotFound

from storage import open_artifacts
from storage.artifacts import Artifacts, FolderStore, PrefixStore
from storage.errors import ArtifactError, StorageUsageError, UrlError
from storage.study import create_study
from storage.testkit import example_manifest


@pytest.fixture
def trial(sqlite_url: str) -> Iterator[optuna.Trial]:
    with create_study(sqlite_url, "demo", example_manifest()) as shared:
        yield shared.study.ask()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "token-1.keras"
    path.write_bytes(b"weights")
    return path


class MemoryStore:
    """A store as S3 is one: names without folders, contents in one piece."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def open_reader(self, artifact_id: str) -> BinaryIO:
        if artifact_id not in self.files:
            raise ArtifactNotFound(artifact_id)
        return io.BytesIO(self.files[artifact_id])

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        self.files[artifact_id] = content_body.read()

    def remove(self, artifact_id: str) -> None:
        self.open_reader(artifact_id)
        del self.files[artifact_id]


def test_a_kept_file_can_be_fetched(trial: optuna.Trial, folder: Path, model: Path, tmp_path: Path) -> None:
    artifacts = open_artifacts(str(folder))
    artifact_id = artifacts.keep(trial, model)
    artifacts.fetch(artifact_id, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"weights"


def test_optuna_knows_a_kept_file_by_the_name_it_was_given(trial: optuna.Trial, folder: Path, model: Path) -> None:
    artifact_id = open_artifacts(str(folder)).keep(trial, model, "model.keras")
    found = get_all_artifact_meta(trial)
    assert [(meta.artifact_id, meta.filename) for meta in found] == [(artifact_id, "model.keras")]


@pytest.mark.parametrize("filename", ["../model.keras", "a/b", "/etc/passwd", "..", "."])
def test_a_filename_with_directories_is_refused(trial: optuna.Trial, folder: Path, model: Path, filename: str) -> None:
    with pytest.raises(ValueError, match="no directories"):
        open_artifacts(str(folder)).keep(trial, model, filename)


def test_a_missing_file_is_an_error_of_artifacts(trial: optuna.Trial, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="can't be kept"):
        open_artifacts(str(folder)).keep(trial, tmp_path / "nothing")


def test_an_unknown_artifact_cannot_be_fetched_and_leaves_no_file(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="can't be fetched"):
        open_artifacts(str(folder)).fetch("unknown", tmp_path / "copy")
    assert not list(tmp_path.glob("copy*"))


def test_names_cannot_leave_the_folder(folder: Path, model: Path, tmp_path: Path) -> None:
    artifacts = open_artifacts(str(folder))
    with pytest.raises(ArtifactError, match="Invalid artifact_id"):
        artifacts.fetch(f"../{model.name}", tmp_path / "copy")


def test_a_file_is_removed_once_and_removing_it_again_is_no_error(
    trial: optuna.Trial, folder: Path, model: Path
) -> None:
    artifacts = open_artifacts(str(folder))
    artifact_id = artifacts.keep(trial, model)
    artifacts.remove(artifact_id)
    artifacts.remove(artifact_id)
    assert list(folder.iterdir()) == []


class FullDisk(io.BytesIO):
    """A file of which the first part still fits."""

    def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002 - the signature of files
        if self.tell():
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().read(4)


def test_a_full_disk_leaves_nothing_half_written(folder: Path) -> None:
    folder.mkdir()
    with pytest.raises(OSError, match="No space left"):
        FolderStore(folder).write("model", FullDisk(b"weights"))
    assert list(folder.iterdir()) == []


def test_a_prefix_keeps_studies_apart_in_a_bucket(trial: optuna.Trial, model: Path, tmp_path: Path) -> None:
    store = MemoryStore()
    artifacts = Artifacts(PrefixStore(store, "demo/"))
    artifact_id = artifacts.keep(trial, model)
    assert store.files == {f"demo/{artifact_id}": b"weights"}
    artifacts.fetch(artifact_id, tmp_path / "copy")
    artifacts.remove(artifact_id)
    assert store.files == {}


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_file_is_announced_before_it_is_there(kind: str, trial: optuna.Trial, model: Path, tmp_path: Path) -> None:
    artifacts = open_artifacts(str(tmp_path / "store")) if kind == "folder" else Artifacts(MemoryStore())
    announced: list[tuple[str, bool]] = []
    kept = artifacts.keep(trial, model, announce=lambda name: announced.append((name, artifacts.has(name))))
    assert announced == [(kept, False)]
    assert artifacts.has(kept)
    assert not artifacts.has(kept[::-1])


def test_a_file_where_the_folder_should_be_is_refused(model: Path) -> None:
    with pytest.raises(StorageUsageError, match="can't be written"):
        open_artifacts(str(model))


@pytest.mark.parametrize("location", ["gs://bucket/prefix", "s3://", "s3:///prefix"])
def test_other_places_are_refused(location: str) -> None:
    with pytest.raises(UrlError, match="a folder or to s3://bucket/prefix"):
        open_artifacts(location)


def test_s3_without_boto3_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "botocore", None)
    monkeypatch.setitem(__import__("sys").modules, "botocore.exceptions", None)
    with pytest.raises(StorageUsageError, match="pip install boto3"):
        open_artifacts("s3://bucket/prefix")
