"""A full disk: checkpoints and models can't be written, and the search goes on, with a warning."""

import json
from pathlib import Path

from tests.helpers.launches import StartLaunch


def test_a_search_goes_on_without_checkpoints_when_the_disk_is_full(small_disk: Path, launch: StartLaunch) -> None:
    running = launch(
        *("--space", "bn_dropout", "--artifacts", small_disk, "--n-trials", 2, "--epochs", 2),
        *("--limit-train", 200, "--pruner", "none", "--n-workers", 1, "-f", "json"),
    )
    document = json.loads(running.finish())
    logs = "".join(path.read_text(errors="replace") for path in small_disk.rglob("worker-*.log"))
    assert running.code == 0, running.errors + logs
    assert document["trials"]["complete"] == 2
    assert "couldn't be written, training goes on" in logs
    assert "No space left on device" in logs
    assert "Traceback" not in logs + running.errors
    assert "no test score" in running.errors
