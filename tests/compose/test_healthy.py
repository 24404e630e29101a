"""The health check of a worker's container, on a real study."""

import importlib.util
import os
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from storage import SharedStudy, create_study
from storage.records import WorkerInfo
from storage.testkit import example_manifest

SCRIPT = Path(__file__).parents[2] / "docker" / "healthy.py"
WORKER = WorkerInfo("w1", host="box", pid=7)


@pytest.fixture
def healthy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("healthy", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def study(sqlite_url: str) -> Iterator[SharedStudy]:
    with create_study(sqlite_url, "s", example_manifest()) as shared:
        yield shared


def test_a_worker_that_beats_is_healthy(healthy: ModuleType, study: SharedStudy, sqlite_url: str) -> None:
    study.workers.register(WORKER)
    assert healthy.find_fault(sqlite_url, "s", "box") is None


def test_a_worker_of_another_container_does_not_count(healthy: ModuleType, study: SharedStudy, sqlite_url: str) -> None:
    study.workers.register(WORKER)
    assert "no worker of other has registered" in healthy.find_fault(sqlite_url, "s", "other")


def test_a_worker_that_was_killed_does_not_hide_its_successor(
    healthy: ModuleType, study: SharedStudy, sqlite_url: str
) -> None:
    study.workers.register(WORKER)
    study.workers.leave("w1", "interrupted")
    study.workers.register(WorkerInfo("w2", host="box", pid=8))
    assert healthy.find_fault(sqlite_url, "s", "box") is None


def test_a_worker_that_has_left_is_not_healthy(healthy: ModuleType, study: SharedStudy, sqlite_url: str) -> None:
    study.workers.register(WORKER)
    study.workers.leave("w1", "interrupted")
    assert healthy.find_fault(sqlite_url, "s", "box") == "the last worker of box has left: interrupted"


def test_a_worker_that_has_been_silent_is_not_healthy(
    healthy: ModuleType, study: SharedStudy, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.workers.register(WORKER)
    monkeypatch.setattr(healthy, "SILENCE_S", -1.0)
    assert "last sign of life of a worker of box" in healthy.find_fault(sqlite_url, "s", "box")


def test_without_a_study_no_worker_is_healthy(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTUNA_STORAGE", sqlite_url)
    monkeypatch.setenv("SEARCH_STUDY_NAME", "s")
    with pytest.raises(SystemExit, match="there is no database"):
        runpy.run_path(str(SCRIPT), run_name="__main__")


def test_one_that_serves_all_studies_is_healthy_between_them_and_not_if_it_is_silent_in_one(
    healthy: ModuleType, study: SharedStudy, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert healthy.fleet_fault(sqlite_url, "box") is None
    study.workers.register(WorkerInfo("dead", host="box", pid=2**22 + 1))
    monkeypatch.setattr(healthy, "SILENCE_S", -1.0)
    assert healthy.fleet_fault(sqlite_url, "box") is None  # its container was restarted, and it isn't there any more
    study.workers.register(WorkerInfo("silent", host="box", pid=os.getpid()))
    assert "last sign of life of a worker of box" in healthy.fleet_fault(sqlite_url, "box")
    study.workers.leave("silent", "went to other work")
    assert healthy.fleet_fault(sqlite_url, "box") is None


def test_a_database_without_studies_is_no_fault_of_one_that_serves_all(healthy: ModuleType, tmp_path: Path) -> None:
    assert healthy.fleet_fault(f"sqlite:///{tmp_path}/none.db", "box") is None
