"""Four workers on one SQLite file, and a reader who watches them in optuna-dashboard all the while."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.helpers.lab import Lab
from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_until

STUB_WORKER = Path(__file__).with_name("stub_worker.py")
N_TRIALS = 40


@pytest.fixture
def dashboard(lab: Lab, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a real dashboard on the study's database, and its log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "dashboard.log"
    program = Path(sys.executable).with_name("optuna-dashboard")
    with log.open("wb") as output:
        process = subprocess.Popen([program, lab.url, "--port", str(port)], stdout=output, stderr=output)
    address = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{address}/api/studies"), "the dashboard to answer")
    yield address, log
    process.kill()
    process.wait()


def answers(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - our own address
            return bytes(response.read())
    except OSError:
        return b""


def test_four_workers_and_a_dashboard_share_one_sqlite_file(
    lab: Lab, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    shared = lab.study(N_TRIALS, pruner="asha-stop", sampler="tpe", epochs=5)
    address, log = request.getfixturevalue("dashboard")
    (study,) = msgspec.json.decode(answers(f"{address}/api/studies"))["study_summaries"]
    workers = [start_worker(lab, tmp_path / f"worker-{number}.log") for number in range(4)]
    looks = 0
    while any(worker.poll() is None for worker in workers):
        assert answers(f"{address}/api/studies/{study['study_id']}?after=0"), log.read_text()
        looks += 1
    logs = "".join(path.read_text() for path in [*tmp_path.glob("worker-*.log"), log])
    assert [worker.returncode for worker in workers] == [0] * 4, logs
    assert looks > 1
    assert "database is locked" not in logs
    assert "Traceback" not in logs
    trials = shared.study.get_trials()
    assert sorted(trial.user_attrs["slot"] for trial in trials) == list(range(N_TRIALS))
    assert all(trial.state.is_finished() for trial in trials)
    assert {row.token for row in shared.ledger.all_epochs()} == {1}
    assert all(slot.token == 1 for slot in shared.ledger.slots())


def start_worker(lab: Lab, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, str(STUB_WORKER), lab.url, str(lab.folder)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=output,
        )
