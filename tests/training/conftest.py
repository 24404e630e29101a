"""What the tests of training share: a trainer process, Keras in this process, and the real data sets."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from search.trainers.protocol import (
    Command,
    DataSource,
    EpochEnd,
    Evaluate,
    Evaluated,
    Failed,
    Message,
    Ready,
    Stopped,
    Train,
)
from search.trainers.protocol import Trained as TrainedMessage
from spaces import Configuration

ROOT = Path(__file__).resolve().parents[2]
LAST = (TrainedMessage, Stopped, Failed, Evaluated)


class Trainer:
    """A real trainer process and the worker's ends of its pipes."""

    def __init__(self) -> None:
        commands_read, commands_write = os.pipe()
        messages_read, messages_write = os.pipe()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "search.trainer"),
                f"--commands-fd={commands_read}",
                f"--messages-fd={messages_write}",
            ],
            pass_fds=(commands_read, messages_write),
            cwd=ROOT,
            env={**os.environ, "SEARCH_THREADS": "1"},
        )
        os.close(commands_read)
        os.close(messages_write)
        self._commands = os.fdopen(commands_write, "wb", buffering=0)
        self._messages = os.fdopen(messages_read, "rb")
        self.ready = self.receive()
        assert isinstance(self.ready, Ready)

    def send(self, command: Command) -> None:
        self._commands.write(msgspec.json.encode(command) + b"\n")

    def receive(self) -> Message:
        line = self._messages.readline()
        assert line.endswith(b"\n"), "the trainer is gone"
        return msgspec.json.decode(line, type=Message)

    def receive_until(self, wanted: Callable[[Message], bool]) -> list[Message]:
        messages = [self.receive()]
        while not wanted(messages[-1]):
            messages.append(self.receive())
        return messages

    def run(self, job: Train | Evaluate) -> list[Message]:
        """Sends the job and gives all messages about it."""
        self.send(job)
        return self.receive_until(lambda message: isinstance(message, LAST))

    def hang_up(self) -> None:
        """What the end of the worker does."""
        self._commands.close()

    def close(self) -> None:
        self._commands.close()
        self.process.wait(timeout=30)
        self._messages.close()


@pytest.fixture(scope="module")
def trainer() -> Iterator[Trainer]:
    """A warm trainer for all tests of the module, none of which ends it."""
    child = Trainer()
    yield child
    child.close()


@pytest.fixture
def new_trainer() -> Iterator[Callable[[], Trainer]]:
    """Makes trainers that a test may kill."""
    children: list[Trainer] = []

    def start() -> Trainer:
        children.append(Trainer())
        return children[-1]

    yield start
    for child in children:
        child.close()


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Train]:
    """Makes jobs on a few of the digits; what a test cares about it says."""

    def make(**changes: Any) -> Train:
        job = Train(
            job=1,
            configuration=Configuration(),
            space="bn_dropout",
            data=DataSource("digits", limit_train=300),
            epochs=3,
            batch_size=64,
            seed=3,
            split_seed=5,
            token=1,
            checkpoints=str(tmp_path / "slot"),
        )
        return msgspec.structs.replace(job, **changes)

    return make


@pytest.fixture
def scores() -> Callable[[list[Message]], list[tuple[Any, ...]]]:
    """The scores of every epoch among messages, without the time they took."""

    def of(messages: list[Message]) -> list[tuple[Any, ...]]:
        return [
            (message.epoch, message.loss, message.accuracy, message.val_loss, message.val_accuracy)
            for message in messages
            if isinstance(message, EpochEnd)
        ]

    return of
