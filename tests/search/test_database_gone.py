"""A database file that is deleted while a launch and its workers use it: all of them end, and say why."""

from pathlib import Path

import pytest

from search.host.exit_codes import EXIT_STORAGE
from storage import create_study
from tests.helpers.launches import PrepareStudy, StartLaunch
from tests.helpers.waiting import wait_until


@pytest.mark.parametrize("fate", ["deleted", "deleted and made again", "its log deleted"])
def test_launch_and_worker_end_with_a_sentence(fate: str, prepared: PrepareStudy, launch: StartLaunch) -> None:
    study = prepared(n_trials=30, epochs=5)
    path = Path(study.url.removeprefix("sqlite:///"))
    running = launch(*study.arguments, "--n-workers", 1)
    wait_until(study.epochs, "an epoch")
    study.close()
    with study.open() as shared:
        manifest = shared.manifest
    for suffix in ("-wal",) if fate == "its log deleted" else ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()
    if fate == "deleted and made again":
        create_study(study.url, study.name, manifest).close()
    running.finish()
    said = "".join(log.read_text() for log in running.folder.rglob("worker-*.log"))
    assert running.code == EXIT_STORAGE, running.errors
    for words in (running.errors, said):
        assert "Error: the " in words
        assert "was deleted" in words or "was replaced" in words
        assert "Traceback" not in words
    assert path.exists() == (fate != "deleted")
    assert not running.descendants()
