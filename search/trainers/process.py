"""The worker's side of its trainer: a child process that runs Keras, connected by two pipes."""

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Self

import msgspec
import psutil

from search.errors import TrainerDied
from search.host.log_tail import log_tail
from search.trainers.child import TRAINER_COMMAND, ForkedTrainer, TrainerFds, start_trainer
from search.trainers.environment import without_secrets
from search.trainers.protocol import Command, JobMessage, Message, Ready

LOG_TAIL_BYTES = 4096
GIVE_UP_POLL_S = 0.2


class NotAwaited(Exception):
    """The worker stopped waiting for the trainer."""


class TrainerProcess:
    """A running trainer. What Keras prints goes to `log`. A thread queues its messages, so that training
    never waits for the reader, however long the database is unreachable. `command` starts a program that
    speaks search/trainers/protocol.py over the pipes whose descriptors it gets.
    """

    def __init__(self, log: Path, environment: Mapping[str, str], command: Sequence[str] = TRAINER_COMMAND) -> None:
        commands_read, commands_write = os.pipe()
        messages_read, messages_write = os.pipe()
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        with log.open("ab") as output:
            fds = TrainerFds(commands_read, messages_write, output.fileno())
            self._child = start_trainer(command, without_secrets({**os.environ, **environment}), fds)
        os.close(commands_read)
        os.close(messages_write)
        self._commands: BinaryIO = os.fdopen(commands_write, "wb", buffering=0)
        self._inbox: queue.Queue[Message | None] = queue.Queue()
        threading.Thread(target=self._read, args=(messages_read,), daemon=True, name="trainer-messages").start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int | None:
        """The trainer's process ID; None while it isn't known yet."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs, or is about to."""
        return self._child.alive

    @property
    def served(self) -> bool:
        """Whether it was requested from the trainer server."""
        return isinstance(self._child, ForkedTrainer)

    def send(self, command: Command) -> None:
        """Hands the trainer a command.

        Raises:
            TrainerDied: it is gone.
        """
        try:
            self._commands.write(msgspec.json.encode(command) + b"\n")
        except OSError as error:
            raise self._died() from error

    def receive(self, timeout: float) -> Message | None:
        """The trainer's next message, or None when there is none within `timeout` seconds.

        Raises:
            TrainerDied: it is gone, and all its messages have been received.
        """
        try:
            message = self._inbox.get(timeout=timeout)
        except queue.Empty:
            return None
        if message is None:
            self._inbox.put(None)  # later calls get the same result
            raise self._died()
        return message

    def receive_of(self, job: int, timeout: float) -> JobMessage | None:
        """The next message of a job, or None when there is none within `timeout` seconds. What is left of earlier jobs
        is passed over.

        Raises:
            TrainerDied: as `receive` does.
        """
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            message = self.receive(left)
            if message is not None and not isinstance(message, Ready) and message.job == job:
                return message
        return None

    def wait_ready(self, timeout: float, give_up: Callable[[], bool] = lambda: False) -> Ready:
        """Waits until the trainer has imported Keras.

        Raises:
            TrainerDied: it ended, or wasn't ready within `timeout` seconds.
            NotAwaited: `give_up`, which is called from time to time, returned true.
        """
        deadline = time.monotonic() + timeout
        message = None
        while message is None and (left := deadline - time.monotonic()) > 0:
            if give_up():
                raise NotAwaited
            message = self.receive(min(left, GIVE_UP_POLL_S))
        if isinstance(message, Ready):
            return message
        self.kill()
        raise TrainerDied(f"the trainer wasn't ready within {timeout:.0f} s; its log is {self._log}")

    def memory_mb(self) -> float:
        """The trainer's resident memory in MB; 0 if it is gone, or hasn't started yet."""
        pid = self.pid
        if pid is None or not self.alive:  # its process ID may have been reused by then
            return 0.0
        try:
            return float(psutil.Process(pid).memory_info().rss) / 1e6
        except psutil.Error:
            return 0.0

    def kill(self) -> None:
        """Ends the trainer at once. Checkpoints are written atomically, so this is safe at any moment."""
        self._child.kill()
        with contextlib.suppress(OSError):
            self._commands.close()

    def _read(self, descriptor: int) -> None:
        try:
            with os.fdopen(descriptor, "rb") as messages:
                for line in messages:
                    if line.endswith(b"\n"):  # a line cut short by a kill isn't a message
                        self._inbox.put(msgspec.json.decode(line, type=Message))
        finally:
            self._inbox.put(None)

    def _died(self) -> TrainerDied:
        try:
            code = self._child.wait(timeout=5)
        except TimeoutError:
            self.kill()
            return TrainerDied("the trainer closed its pipes without ending, and was killed")
        return TrainerDied(f"the trainer {_in_words(code)}{self._last_words()}")

    def _last_words(self) -> str:
        lines = log_tail(self._log, LOG_TAIL_BYTES).splitlines()
        return f"; its last words: {lines[-1][:300]}" if lines else ""


def _in_words(code: int | None) -> str:
    if code is None:
        return "ended, and how is not known, as the trainer server had ended before"
    if code < 0:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"
