"""A comparison that is killed goes on where it was, and ends with the answer of one that wasn't."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from storage import create_study, open_study
from tests.helpers.carried_out import without_settings

SCRIPT = Path(__file__).with_name("stub_compare.py")
NAME = "bn_dropout-digits-compare-batch_norm"
PATIENCE_S = 120.0
FOURTH_HANGS_AFTER_AN_EPOCH = json.dumps({"3": [{"hold_before": 2}]})


@contextmanager
def comparing(url: str, folder: Path, acts: str) -> Iterator[subprocess.Popen[str]]:
    """A process that compares, with its worker and its trainer."""
    folder.mkdir(exist_ok=True)
    given = without_settings()
    environment: Mapping[str, str] = {**given, "PYTHONPATH": str(SCRIPT.parents[2])}
    arguments = [sys.executable, str(SCRIPT), url, str(folder), acts]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            for child in children:
                child.kill()
            process.kill()


def answer_of(url: str, folder: Path) -> dict[str, Any]:
    """The answer of a comparison that is carried out to its end."""
    with comparing(url, folder, "{}") as process:
        printed, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    (found,) = json.loads(printed)["comparisons"]
    return dict(found)


@pytest.mark.long
def test_a_comparison_that_is_killed_ends_with_the_answer_of_one_that_was_not(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    whole = answer_of(f"sqlite:///{tmp_path / 'whole.db'}", tmp_path / "whole")
    prepare(f"sqlite:///{tmp_path / 'whole.db'}", url, tmp_path / "killed" / "artifacts")
    with (
        open_study(url, NAME) as watched,
        comparing(url, tmp_path / "killed", FOURTH_HANGS_AFTER_AN_EPOCH) as process,
    ):
        deadline = time.monotonic() + PATIENCE_S
        while watched.ledger.epoch_count() < 3 * 2 + 1:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    resumed = answer_of(url, tmp_path / "killed")
    assert resumed == whole
    with open_study(url, NAME) as shared:
        slots = shared.ledger.slots()
        assert [slot.token for slot in slots] == [1, 1, 1, 2, 1, 1]
        assert len(shared.study.get_trials(deepcopy=False)) == len(slots)


def prepare(finished_url: str, url: str, artifacts: Path) -> None:
    """Makes the study as the whole one was, but with a lease that soon expires."""
    with open_study(finished_url, NAME) as shared:
        manifest = msgspec.structs.replace(shared.manifest, lease_s=1.0, artifacts=str(artifacts))
    create_study(url, NAME, manifest).close()
