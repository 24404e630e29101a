"""A trainer process as its worker has it: the ends of two pipes."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

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
from tests.helpers.paths import ROOT

LAST = (Trained, Stopped, Failed, Evaluated)


class PipedTrainer:
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


class MakeJob(Protocol):
    """Makes a job on a few of the digits; the changes are fields of `Train`."""

    def __call__(self, **changes: Any) -> Train: ...


def scores_of(messages: Sequence[Message]) -> list[tuple[int, float, float, float, float]]:
    """The scores of every epoch among messages, without the time they took."""
    return [
        (scores.epoch, scores.loss, scores.accuracy, scores.val_loss, scores.val_accuracy)
        for scores in (message.scores for message in messages if isinstance(message, EpochEnd))
    ]
