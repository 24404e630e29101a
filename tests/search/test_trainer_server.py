"""Trainers that a server forks: they are as those started on their own, and none depends on the server's life."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from search.errors import TrainerDied
from search.host.gpus import installed_gpus
from search.study.folders import StudyFolder
from search.trainers.process import TrainerProcess
from search.trainers.protocol import EpochEnd, Failed, Train, Trained
from search.trainers.serving import SERVER, server_descriptor, trainer_server
from search.workers.trainer_client import TrainerClient
from spaces.configuration import BatchNorm, Block, Configuration, Dropout, Inputs
from tests.helpers.launches import PrepareStudy, RunLaunch, StartLaunch
from tests.helpers.paths import ROOT
from tests.helpers.trainer_jobs import ENVIRONMENT, PATIENCE_S, receive_until, small_job
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.skipif(bool(installed_gpus()), reason="no server forks trainers where there is a GPU")

MANY = 10_000

Start = Callable[..., TrainerProcess]


@contextlib.contextmanager
def serving() -> Iterator[list[psutil.Process]]:
    """What `trainer_server` starts, within its block."""
    before = psutil.Process().children()
    with trainer_server():
        yield [child for child in psutil.Process().children() if child not in before]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[psutil.Process]:
    """A trainer server, which is still importing Keras. Its environment has something that this process then lacks."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("GONE", "of the server alone")
    with serving() as (started,):
        monkeypatch.delenv("GONE")
        yield started


@pytest.fixture(scope="module")
def long_lived() -> Iterator[tuple[psutil.Process, str]]:
    """A server as `server` is, for all tests that leave it alive, and what names it in SERVER of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("GONE", "of the server alone")
        with serving() as (started,):
            patch.delenv("GONE")
            yield started, os.environ.pop(SERVER)


@pytest.fixture
def shared_server(long_lived: tuple[psutil.Process, str], monkeypatch: pytest.MonkeyPatch) -> psutil.Process:
    """The trainer server of this module's tests."""
    started, descriptor = long_lived
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(SERVER, descriptor)
    return started


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts trainers, from the server if there is one."""
    made: list[TrainerProcess] = []

    def one(**environment: str) -> TrainerProcess:
        made.append(TrainerProcess(tmp_path / "trainer.log", {**ENVIRONMENT, **environment}))
        return made[-1]

    yield one
    for process in made:
        process.kill()


@pytest.fixture
def trainer(tmp_path: Path) -> Iterator[TrainerClient]:
    """A worker's trainer, which isn't started yet."""
    made = TrainerClient(StudyFolder(tmp_path, "s", "0" * 32), ENVIRONMENT, 4000.0)
    yield made
    made.discard()


def job(**changes: Any) -> Train:
    configuration = Configuration(
        blocks=(Block((8,)),),
        inputs=Inputs("zca"),
        batch_norm=BatchNorm("before_activation"),
        dropout=(Dropout("before_every_dense", 0.3),),
    )
    return small_job(**{"configuration": configuration, **changes})


def scores(process: TrainerProcess) -> list[tuple[Any, ...]]:
    """The scores of each epoch of the job."""
    process.wait_ready(PATIENCE_S)
    process.send(job())
    epochs = [message.scores for message in receive_until(process, Trained) if isinstance(message, EpochEnd)]
    return [(epoch.loss, epoch.accuracy, epoch.val_loss, epoch.val_accuracy) for epoch in epochs]


def open_sockets(pid: int | None) -> int:
    return sum(str(path.readlink()).startswith("socket:") for path in Path(f"/proc/{pid}/fd").iterdir())


def test_a_forked_trainer_gives_the_scores_of_one_that_was_started_to_the_last_bit(
    server: psutil.Process, start: Start
) -> None:
    forked = scores(start())
    server.kill()
    server.wait()
    started = start()
    assert not started.served
    assert len(forked) == 3
    assert forked == scores(started)


def test_a_forked_trainer_has_its_own_session_log_and_descriptors_and_its_worker_s_folder(
    shared_server: psutil.Process, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for process in (start(), start()):
        process.wait_ready(PATIENCE_S)
        assert psutil.Process(process.pid).ppid() == shared_server.pid
        assert os.getsid(process.pid or 0) == process.pid
        assert process.memory_mb() > 1
        assert Path(f"/proc/{process.pid}/fd/2").readlink() == tmp_path / "trainer.log"
        assert Path(f"/proc/{process.pid}/cwd").readlink() == tmp_path
        assert open_sockets(process.pid) == 1  # for news of itself


SPACE = """
import os
from spaces import Configuration, Space

def build(configuration, input_shape, classes):
    raise ValueError([os.environ.get(name) for name in ("MARK", "SEARCH_TRAINER_SERVER", "GONE")])

space = Space("own", "does it work?", suggest=lambda trial: Configuration(), build=build)
"""

KEPT = '[os.environ.get(name) for name in ("MARK", "SEARCH_TRAINER_SERVER", "GONE")]'
TELLING_SPACE = SPACE.replace(KEPT, '[name for name, value in os.environ.items() if value in ("hunter2", "a = b")]')


def test_a_forked_trainer_has_exactly_the_environment_of_its_worker(
    shared_server: psutil.Process, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "own_space.py").write_text(SPACE)
    process = start(MARK="a = b")
    process.wait_ready(PATIENCE_S)
    process.send(job(space=str(tmp_path / "own_space.py")))
    failed = receive_until(process, Failed)[-1]
    assert isinstance(failed, Failed)
    assert "['a = b', None, None]" in failed.reason


def test_neither_server_nor_trainers_hold_what_opens_databases_and_stores(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("OPTUNA_STORAGE", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "SEARCH_DASHBOARD_LOGIN"):
        monkeypatch.setenv(name, "hunter2")
    (tmp_path / "own_space.py").write_text(TELLING_SPACE)
    with serving() as (server,):
        forked = start(MARK="a = b")
        forked.wait_ready(PATIENCE_S)
        assert forked.served
        forked.send(job(space=str(tmp_path / "own_space.py")))
        failed = receive_until(forked, Failed)[-1]
        assert "hunter2" not in Path(f"/proc/{server.pid}/environ").read_text()
    started = start(MARK="a = b")
    started.wait_ready(PATIENCE_S)
    assert isinstance(failed, Failed)
    assert "ValueError: ['MARK']" in failed.reason
    assert "hunter2" not in Path(f"/proc/{started.pid}/environ").read_text()
    assert "a = b" in Path(f"/proc/{started.pid}/environ").read_text()


def test_the_death_of_a_forked_trainer_is_told_with_the_signal(shared_server: psutil.Process, start: Start) -> None:
    process = start()
    process.wait_ready(PATIENCE_S)
    os.kill(process.pid or 0, signal.SIGSEGV)
    with pytest.raises(TrainerDied, match="ended by signal 11 \\(SIGSEGV\\)"):
        process.receive(PATIENCE_S)
    assert not process.alive
    assert process.memory_mb() == 0


def test_a_trainer_that_is_not_wanted_any_more_before_it_is_forked_does_not_stay(
    shared_server: psutil.Process, start: Start, tmp_path: Path
) -> None:
    start().kill()
    start().wait_ready(PATIENCE_S)
    wait_until(lambda: len(shared_server.children()) == 1, "the other one to end")
    assert "Traceback" not in (tmp_path / "trainer.log").read_text()


def test_more_requests_than_a_socket_holds_at_once_are_all_answered(
    shared_server: psutil.Process, start: Start
) -> None:
    large = {"LARGE": "x" * 50_000}
    trainers = [start(**large) for _ in range(6)]
    for process in trainers:
        process.wait_ready(PATIENCE_S)
    assert all(process.served for process in trainers)


def test_without_its_server_a_trainer_is_started(
    server: psutil.Process, trainer: TrainerClient, caplog: pytest.LogCaptureFixture
) -> None:
    server.kill()
    server.wait()
    process, _ = trainer.process()
    assert not process.served
    assert process.alive
    assert "trainers are started without it" in caplog.text


def test_a_server_that_is_killed_before_it_forks_is_done_without(
    server: psutil.Process, trainer: TrainerClient, caplog: pytest.LogCaptureFixture
) -> None:
    trainer.start()
    assert trainer.current is not None
    assert trainer.current.served
    server.kill()
    process, _ = trainer.process()
    assert not process.served
    assert process.alive
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_trainer_whose_server_is_killed_goes_on_and_how_it_ends_is_not_known(
    server: psutil.Process, start: Start
) -> None:
    process = start()
    process.wait_ready(PATIENCE_S)
    process.send(job(epochs=MANY))
    receive_until(process, EpochEnd)
    server.kill()
    server.wait()
    receive_until(process, EpochEnd)
    assert process.alive
    os.kill(process.pid or 0, signal.SIGKILL)
    with pytest.raises(TrainerDied, match="how is not known"):
        receive_until(process, Trained)


def test_a_server_is_ended_whatever_goes_wrong() -> None:
    seen: list[psutil.Process] = []

    def fail() -> None:
        with serving() as started:
            seen.extend(started)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [server.is_running() for server in seen] == [False]
    assert server_descriptor() is None


KILLED = """
import os, signal, psutil
from search.trainers.serving import trainer_server
with trainer_server():
    print(psutil.Process().children()[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_server_ends_when_all_processes_are_gone_that_could_ask() -> None:
    said = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert said.returncode == -signal.SIGKILL
    wait_until(lambda: not psutil.pid_exists(int(said.stdout)), "the server to end")


def test_one_that_was_started_for_this_process_is_used_and_left_running(shared_server: psutil.Process) -> None:
    with serving() as started:
        assert started == []
        assert server_descriptor() is not None
    assert shared_server.is_running()
    assert server_descriptor() is not None


def test_there_is_none_for_a_backend_that_cannot_be_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with serving() as started:
        assert server_descriptor() is None
        assert started == []


@pytest.mark.parametrize("flags", [["--dry-run"], ["--n-workers", 0], ["--help"], ["--epochs", "none"]])
def test_a_launch_that_trains_nothing_starts_none(
    flags: list[str], cli: RunLaunch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.trainers.serving.SERVER_COMMAND", ("no such program",))
    cli("--space", "bn_dropout", *flags)


def test_the_workers_of_a_launch_have_their_trainers_from_its_server(
    launch: StartLaunch, prepared: PrepareStudy
) -> None:
    study = prepared(n_trials=2, epochs=MANY, limit_train=200)
    running = launch(*study.arguments, "--n-workers", 2, own_server=True)
    wait_until(lambda: study.epochs() >= 1, "an epoch")
    trainers = wait_until(lambda: [one for one in [running.children("trainer")] if len(one) == 2], "both trainers")[0]
    (server,) = running.children("trainer_server")
    assert [trainer.ppid() for trainer in trainers] == [server.pid] * 2
    running.process.send_signal(signal.SIGINT)
    running.finish()
