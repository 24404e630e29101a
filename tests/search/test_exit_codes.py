"""Exit codes: 0 means that the work is done, and a command that leaves it undone says why."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.carried_out import started_in, without_settings
from tests.helpers.launches import Prepared, PrepareStudy, StartLaunch
from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_until

STUB_WORKER = ROOT / "benchmarks" / "stub_worker.py"
PATIENCE_S = 120.0
NO_TIME = "0.000001"

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path, server_of_trainers: str | None) -> Iterator[Start]:
    """Starts Python programs of this project; what they say on standard error is read at their end."""
    started: list[subprocess.Popen[str]] = []

    def one(*arguments: str | Path) -> subprocess.Popen[str]:
        environment = {**without_settings(), "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **started_in(environment, server_of_trainers),
        )
        started.append(process)
        return process

    yield one
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def stub_worker(start: Start, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a real worker whose trainer trains nothing: each epoch takes a fiftieth of a second."""

    def one(study: Prepared) -> subprocess.Popen[str]:
        (tmp_path / "script.json").write_text("{}")
        return start(STUB_WORKER, study.url, study.name, tmp_path, "0.02", "0.02")

    return one


def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code of a process, and the last line that it said."""
    code, _, said = ended(process)
    return code, (said.splitlines() or [""])[-1]


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit code of a process, what it printed, and what it said on standard error."""
    printed, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, printed, said


def worker_command(study: Prepared, *flags: str) -> list[str]:
    return ["-m", "search.worker", "--storage", study.url, "--study-name", study.name, *flags]


def test_a_worker_that_leaves_nothing_to_do_ends_with_0(
    stub_worker: Callable[..., subprocess.Popen[str]], prepared: PrepareStudy
) -> None:
    study = prepared(n_trials=2, epochs=2)
    assert end_of(stub_worker(study))[0] == 0
    assert study.watched().ledger.counts().finished == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_worker_that_is_told_to_leave_ends_with_75_and_is_wanted_again(
    number: signal.Signals,
    stub_worker: Callable[..., subprocess.Popen[str]],
    prepared: PrepareStudy,
) -> None:
    study = prepared(lease_s=600.0, n_trials=2, epochs=10_000)
    process = stub_worker(study)
    wait_until(lambda: study.epochs() >= 1, "an epoch")
    process.send_signal(number)
    assert end_of(process)[0] == 75
    assert [slot.state for slot in study.watched().ledger.slots()] == ["waiting", "waiting"]


@pytest.mark.parametrize("n_workers", ["1", "2"])
def test_workers_that_run_out_of_time_end_with_75(n_workers: str, start: Start, prepared: PrepareStudy) -> None:
    study = prepared(n_trials=2, epochs=2)
    process = start(*worker_command(study, "--n-workers", n_workers, "--timeout", NO_TIME))
    assert end_of(process)[0] == 75
    assert {worker.left for worker in study.watched().workers.all()} <= {"out of time"}


@pytest.mark.parametrize("n_workers", ["1", "2"])
def test_workers_that_can_never_join_end_with_2(n_workers: str, start: Start, prepared: PrepareStudy) -> None:
    study = prepared(n_trials=2, epochs=2)
    changed = [argument if argument != study.name else "another" for argument in worker_command(study)]
    assert end_of(start(*changed, "--n-workers", n_workers, "--wait", "0"))[0] == 2


@pytest.mark.parametrize(
    ("flags", "first"), [(("--quiet",), "Ended by --timeout"), (("-f", "json"), "{"), ((), "Ended by --timeout")]
)
def test_a_launch_that_runs_out_of_time_ends_with_75_and_says_so_first_and_last(
    flags: tuple[str, ...], first: str, start: Start, prepared: PrepareStudy
) -> None:
    study = prepared(n_trials=2, epochs=2)
    arguments = [argument for argument in study.arguments if argument not in ("-f", "json")]
    process = start("-m", "search.launch", *arguments, "--n-workers", "1", "--timeout", NO_TIME, *flags)
    code, printed, said = ended(process)
    assert code == 75
    last = "Timeout: 2 trials not done after --timeout 1e-06 s. The same command continues the search."
    assert said.splitlines()[-1] == last
    assert printed.startswith(first)


def test_a_comparison_that_runs_out_of_time_ends_with_75_and_says_so_last(start: Start, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'search.db'}"
    flags = ("--axis", "batch_norm", "--seeds", "2", "--epochs", "1", "--n-workers", "1", "--timeout", NO_TIME)
    process = start("-m", "search.compare", "--space", "bn_dropout", "--storage", database, *flags)
    code, last = end_of(process)
    assert code == 75
    assert last.startswith("Timeout: not all trials are done after --timeout 1e-06 s.")


def test_a_launch_whose_workers_are_told_to_leave_by_others_does_not_call_that_done(
    launch: StartLaunch, prepared: PrepareStudy
) -> None:
    study = prepared(lease_s=600.0, n_trials=2, epochs=10_000, limit_train=200)
    running = launch(*study.arguments, "--n-workers", 1)
    wait_until(lambda: study.epochs() >= 1, "an epoch")
    (worker,) = running.children("worker")
    worker.terminate()
    running.finish()
    assert running.code == 75
    assert running.errors.splitlines()[-1] == "Terminated: 2 trials not done. The same command continues the search."


def test_a_stop_is_the_end_that_was_asked_for(launch: StartLaunch, prepared: PrepareStudy) -> None:
    study = prepared(n_trials=4, epochs=4, limit_train=200)
    running = launch(*study.arguments, "--n-workers", 1)
    wait_until(lambda: study.watched().ledger.counts().complete, "a complete trial")
    study.watched().ledger.stop("enough")
    running.finish()
    assert running.code == 0, running.errors


def test_a_launch_starts_its_own_worker_when_that_of_a_killed_launch_is_killed_too(
    launch: StartLaunch, prepared: PrepareStudy
) -> None:
    study = prepared(n_trials=3, epochs=30, limit_train=200)
    first = launch(*study.arguments, "--n-workers", 1)
    wait_until(lambda: study.epochs() >= 1, "an epoch")
    (worker,), (trainer,) = first.children("worker"), first.children("trainer")
    trainer.suspend()  # or the worker could be done before the second launch has looked; itself, it could hold a lock
    first.process.kill()
    second = launch(*study.arguments, "--n-workers", 1)
    wait_until(lambda: "at work on this study here" in second.errors, "the second launch to find the worker")
    worker.kill()
    trainer.resume()
    second.finish()
    assert second.code == 0, second.errors
    assert study.watched().ledger.counts().finished == 3
