"""A short run of benchmarks/chaos.py: workers and trainers are killed and suspended, and the study doesn't notice."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from chaos_checks import MUST_BE_ZERO

CHAOS = Path(__file__).parents[1] / "benchmarks" / "chaos.py"


@pytest.mark.long
@pytest.mark.parametrize(("storage", "restarts", "races"), [("postgres", 1, True), ("sqlite", 0, False)])
def test_nothing_is_lost_and_nothing_is_done_twice(storage: str, restarts: int, races: bool) -> None:
    command = [sys.executable, str(CHAOS), "--storage", storage, "--smoke", *(() if races else ("--no-race",))]
    ended = subprocess.run(command, capture_output=True, text=True)
    report = json.loads(ended.stdout or "{}")
    assert report.get("failed_checks") == [], ended.stdout + ended.stderr
    assert ended.returncode == 0
    assert report["finished"] == report["trials"]
    assert report["complete"] >= 3, "of the trials that were paused, the best were finished"
    assert report["ended_while_paused"] > 0
    assert {name: report[name] for name in MUST_BE_ZERO if report[name]} == {}
    assert report["most_epochs_lost_by_a_kill"] <= 1
    assert report["database_restarts"] == restarts
    assert report["workers_killed"] + report["trainers_killed"] > 0
    assert report["files_of_strangers"] > report["files_of_strangers_touched"] == 0
    assert (report["failed"], report["files_left"]) == (0, 0)
    assert bool(report["race"]) == races
    if races:
        check_race(report["race"])


def check_race(raced: dict[str, Any]) -> None:
    assert (raced["answers"], raced["looks_at_test_images"]) == (1, 1)
    assert raced["finished"] == raced["complete"] == raced["trainings"] > 0
    assert {name: raced[name] for name in MUST_BE_ZERO if raced[name]} == {}
    assert raced["most_epochs_lost_by_a_kill"] <= 1


@pytest.mark.long
def test_commands_that_are_killed_and_run_again_lose_nothing_and_leave_nothing() -> None:
    command = [sys.executable, str(CHAOS), "--storage", "sqlite", "--trainers", "real", "--kills", "12"]
    ended = subprocess.run(command, capture_output=True, text=True)
    report = json.loads(ended.stdout or "{}")
    assert report.get("failed_checks") == [], ended.stdout + ended.stderr
    assert ended.returncode == 0
    assert report["kills"] >= 12
    assert (report["studies"], report["trials"], report["failed"], report["files_left"]) == (3, 15, 0, 0)
    assert report["files_of_strangers"] > report["files_of_strangers_touched"] == 0
