"""The worker's end of its trainer: what it hears, and what it makes of the trainer's death."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.errors import TrainerDied, TrainerUnavailable
from search.study.folders import StudyFolder
from search.trainers.process import TrainerProcess
from search.trainers.protocol import Ready, Stop
from search.workers.trainer_client import TrainerClient

START = """
import os, sys
said = int(sys.argv[-1].split("=")[1])
heard = int(sys.argv[-2].split("=")[1])
def say(text):
    os.write(said, text.encode())
READY = '{"type": "ready", "backend": "b", "device": "cpu"}' + chr(10)
"""

Scripted = Callable[[str], TrainerProcess]


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Scripted]:
    """Starts a trainer that does as a few lines of Python say."""
    made: list[TrainerProcess] = []

    def start(lines: str) -> TrainerProcess:
        made.append(TrainerProcess(tmp_path / "trainer.log", {}, (sys.executable, "-c", START + lines)))
        return made[-1]

    yield start
    for process in made:
        process.kill()


def test_it_says_when_it_is_ready(scripted: Scripted) -> None:
    process = scripted("say(READY); os.read(heard, 1)")
    assert process.wait_ready(60.0) == Ready("b", "cpu")
    assert process.memory_mb() > 1


def test_its_death_is_told_with_its_last_words(scripted: Scripted) -> None:
    process = scripted("say(READY); print('what a pity', flush=True); os._exit(3)")
    process.wait_ready(60.0)
    with pytest.raises(TrainerDied, match="ended with exit code 3; its last words: what a pity"):
        process.receive(60.0)


def test_asking_again_gives_the_same_answer(scripted: Scripted) -> None:
    process = scripted("os._exit(3)")
    for _ in range(2):
        with pytest.raises(TrainerDied, match="exit code 3"):
            process.receive(60.0)


def test_a_message_cut_short_by_a_kill_is_none(scripted: Scripted) -> None:
    process = scripted("say(READY + READY[:20]); os.kill(os.getpid(), 9)")
    process.wait_ready(60.0)
    with pytest.raises(TrainerDied, match="SIGKILL"):
        process.receive(60.0)


def test_what_it_said_before_it_died_is_heard_first(scripted: Scripted) -> None:
    process = scripted("say(READY * 3); os._exit(0)")
    assert [process.receive(60.0) for _ in range(3)] == [Ready("b", "cpu")] * 3


def test_a_command_to_a_dead_trainer_fails(scripted: Scripted) -> None:
    process = scripted("os._exit(4)")
    with pytest.raises(TrainerDied):
        process.receive(60.0)
    with pytest.raises(TrainerDied, match="exit code 4"):
        process.send(Stop(1))


def test_one_that_never_gets_ready_is_ended(scripted: Scripted) -> None:
    process = scripted("os.read(heard, 1)")
    with pytest.raises(TrainerDied, match="wasn't ready within 0 s"):
        process.wait_ready(0.01)


def test_a_trainer_that_cannot_start_is_this_host_s_fault(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "raise SystemExit(5)")
    trainer = TrainerClient(StudyFolder(tmp_path, "s", "0" * 32), {}, 4000.0, command)
    with pytest.raises(TrainerUnavailable, match="exit code 5"):
        trainer.process()


def test_a_trainer_that_outgrew_its_memory_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    command = (sys.executable, "-c", START + "say(READY); os.read(heard, 1)")
    trainer = TrainerClient(StudyFolder(tmp_path, "s", "0" * 32), {}, 1.0, command)
    first, _ = trainer.process()
    assert trainer.process()[0] is first
    trainer.replace_if_worn()
    assert trainer.memory_mb() == 0
    assert trainer.process()[0].pid != first.pid
    trainer.discard()
