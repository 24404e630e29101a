"""The benchmarks run, and print JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("storage", ["postgres", "sqlite"])
def test_the_ledger_is_measured_for_each_number_of_workers(storage: str) -> None:
    command = [sys.executable, str(BENCHMARKS / "ledger.py"), "--storage", storage, "--smoke"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert [result["workers"] for result in report["results"]] == [1, 3]
    for result in report["results"]:
        assert result["claim_ms"]["n"] == 12
        assert result["report_ms"]["n"] == 3 * result["workers"]
    assert report["versions"].keys() >= {"python", "optuna"}


def test_the_report_is_measured() -> None:
    command = [sys.executable, str(BENCHMARKS / "report_size.py"), "--smoke"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["trials"] == 20
    assert report["bytes"] > 1_000_000
    assert report["seconds"] > 0
