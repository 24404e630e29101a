"""Signals that ask for an end: a trainer leaves them to its worker, and what a space starts heeds them."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from search.host.gpus import installed_gpus
from search.trainers.process import TrainerProcess
from search.trainers.protocol import EpochEnd, Failed, Trained
from search.trainers.serving import server_descriptor, trainer_server
from tests.helpers.paths import ROOT
from tests.helpers.trainer_jobs import ENVIRONMENT, PATIENCE_S, receive_until, small_job
from tests.helpers.waiting import wait_until

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

# What a program that it starts makes of SIGTERM, and what a process that it forks does.
SPACE = """
import multiprocessing, signal, subprocess, sys
from spaces.configuration import Configuration
from spaces.space import Space

SHOW = "import signal; print([signal.getsignal(number).name for number in (signal.SIGTERM, signal.SIGHUP)])"

def wait():
    signal.pause()

def build(configuration, image_shape, classes):
    started = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True).stdout.strip()
    forked = multiprocessing.get_context("fork").Process(target=wait)
    forked.start()
    forked.terminate()
    forked.join(60)
    raise ValueError(f"{started} {forked.exitcode}")

space = Space("own", "does it work?", suggest=lambda trial: Configuration(), build=build)
"""

Start = Callable[..., TrainerProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts trainers, from the server if there is one."""
    made: list[TrainerProcess] = []

    def one(*command: str) -> TrainerProcess:
        made.append(TrainerProcess(tmp_path / "trainer.log", ENVIRONMENT, *([command] if command else [])))
        return made[-1]

    yield one
    for process in made:
        process.kill()


def signal_all(pid: int | None) -> None:
    for number in ENDING:
        os.kill(pid or 0, number)


@pytest.mark.parametrize("served", [False, True], ids=["started", "forked by the server"])
def test_signals_that_ask_for_an_end_do_nothing_to_a_trainer_and_its_server(
    served: bool, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    if served and installed_gpus():
        pytest.skip("no server forks trainers where there is a GPU")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    before = psutil.Process().children()
    with trainer_server() if served else contextlib.nullcontext():
        assert (server_descriptor() is not None) == served
        for server in [child for child in psutil.Process().children() if child not in before]:
            signal_all(server.pid)  # while it starts
        process = start()
        wait_until(lambda: process.pid, "the trainer's start")
        signal_all(process.pid)
        process.wait_ready(PATIENCE_S)
        process.send(small_job())
        receive_until(process, EpochEnd)
        signal_all(process.pid)
        assert isinstance(receive_until(process, Trained)[-1], Trained)
        assert process.served == served


def test_what_a_space_starts_can_be_ended_as_ever(start: Start, tmp_path: Path) -> None:
    (tmp_path / "own_space.py").write_text(SPACE)
    process = start()
    process.wait_ready(PATIENCE_S)
    process.send(small_job(space=str(tmp_path / "own_space.py")))
    failed = receive_until(process, Failed)[-1]
    assert isinstance(failed, Failed)
    assert f"['SIG_DFL', 'SIG_DFL'] -{int(signal.SIGTERM)}" in failed.reason
