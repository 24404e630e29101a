"""A trainer process as its worker has it: the ends of two pipes."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
import pytest

from search.trainers.child import TRAINER_COMMAND, TrainerFds, start_trainer
from search.trainers.protocol import (
    Command,
    EpochEnd,
    Evaluate,
    Evaluated,
    Failed,
    Message,
    Ready,
    Stopped,
    Train,
    Trained,
)
from search.trainers.serving import SERVER
from tests.helpers.paths import ROOT

STDERR = 2

Kind = TypeVar("Kind", bound=Message)
LAST = (Trained, Stopped, Failed, Evaluated)


class PipedTrainer:
    """A real trainer process and the worker's ends of its pipes. `server` is what `trainer_server` has put into the
    environment: the trainer is forked from that server, or started from its command where there is None.
    """

    def __init__(self, server: str | None = None) -> None:
        commands_read, commands_write = os.pipe()
        messages_read, messages_write = os.pipe()
        with pytest.MonkeyPatch.context() as patch:
            if server is not None:
                patch.setenv(SERVER, server)
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "SEARCH_THREADS": "1"}
            ends = TrainerFds(commands_read, messages_write, STDERR)
            self._child = start_trainer(TRAINER_COMMAND, environment, ends)
        os.close(commands_read)
        os.close(messages_write)
        self._commands = os.fdopen(commands_write, "wb", buffering=0)
        self._messages = os.fdopen(messages_read, "rb")
        ready = self.receive()
        assert isinstance(ready, Ready)
        self.ready = ready

    @property
    def pid(self) -> int:
        """The process number."""
        pid = self._child.pid
        assert pid is not None
        return pid

    def kill(self) -> None:
        """Ends it at once, with SIGKILL, and waits for that."""
        self._child.kill()

    def wait(self, timeout_s: float = 30.0) -> int | None:
        """Waits for its end; the exit code."""
        return self._child.wait(timeout_s)

    def send(self, command: Command) -> None:
        self._commands.write(msgspec.json.encode(command) + b"\n")

    def receive(self) -> Message:
        line = self._messages.readline()
        assert line.endswith(b"\n"), "the trainer is gone"
        message: Message = msgspec.json.decode(line, type=Message)
        return message

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
        self.wait()
        self._messages.close()


class MakeJob(Protocol):
    """Makes a job on a few of the digits; the changes are fields of `Train`."""

    def __call__(self, **changes: Any) -> Train: ...


def scores_of(messages: Sequence[Message]) -> list[tuple[int, float | None, float | None, float | None, float | None]]:
    """The scores of every epoch among messages, without the time they took."""
    return [
        (scores.epoch, scores.loss, scores.accuracy, scores.val_loss, scores.val_accuracy)
        for scores in (epoch.scores for epoch in epochs_of(messages))
    ]


def epochs_of(messages: Sequence[Message]) -> list[EpochEnd]:
    """The epochs among messages."""
    return [message for message in messages if isinstance(message, EpochEnd)]


def last_of(messages: Sequence[Message], kind: type[Kind]) -> Kind:
    """The last message, which has to be of that kind."""
    last = messages[-1]
    assert isinstance(last, kind), last
    return last
