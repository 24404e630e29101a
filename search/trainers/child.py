"""A trainer's process, as seen by its worker: started as a new process, or forked by the trainer server."""

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from search.host.module_path import module_command, with_our_path
from search.trainers.requests import Descriptors, Ended, Request, Started, receive_event, send_request
from search.trainers.serving import SERVER, forget_server, server_descriptor
from search.trainers.signals import held_back

log = logging.getLogger(__name__)

TRAINER_COMMAND = module_command("search.trainer")
KILLED_S = 5.0


class Child(Protocol):
    """A child process. Safe to use from several threads."""

    @property
    def pid(self) -> int | None:
        """Its process ID; None while it isn't known yet."""

    @property
    def alive(self) -> bool:
        """Whether it runs, or is about to."""

    def wait(self, timeout: float) -> int | None:
        """Waits for its exit code, negative for a signal; None if it ended and the code isn't known.

        Raises:
            TimeoutError: it didn't end within `timeout` seconds.
        """

    def kill(self) -> None:
        """Kills it, and waits for its end."""


@dataclass(frozen=True)
class TrainerFds:
    """The descriptors of a trainer: where it reads commands, and writes messages and its log."""

    commands: int
    messages: int
    log: int


def start_trainer(command: Sequence[str], environment: Mapping[str, str], fds: TrainerFds) -> Child:
    """Makes the server fork a trainer, if there is one and `command` is the usual one; else starts it."""
    own = with_our_path({name: value for name, value in environment.items() if name != SERVER})
    server = server_descriptor()
    if server is not None and tuple(command) == TRAINER_COMMAND:
        try:
            return ForkedTrainer.request(server, own, fds)
        except OSError as error:
            log.warning("the trainer server is of no use (%s): trainers are started without it", error)
            forget_server()
    return SpawnedTrainer(command, own, fds)


@contextlib.contextmanager
def current_folder() -> Iterator[int]:
    """A descriptor of the folder that this process works in, within the block."""
    folder = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)


class SpawnedTrainer:
    """A child that was started from a command, which is given the numbers of its pipes."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], fds: TrainerFds) -> None:
        with held_back():
            self._process = subprocess.Popen(
                [*command, f"--commands-fd={fds.commands}", f"--messages-fd={fds.messages}"],
                stdin=subprocess.DEVNULL,
                stdout=fds.log,
                stderr=fds.log,
                pass_fds=(fds.commands, fds.messages),
                env=dict(environment),
                start_new_session=True,  # Ctrl-C is for the worker, which then tells its trainer what to do
            )

    @property
    def pid(self) -> int | None:
        """See Child."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """See Child."""
        return self._process.poll() is None

    def wait(self, timeout: float) -> int | None:
        """See Child."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error

    def kill(self) -> None:
        """See Child."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()


class ForkedTrainer:
    """A child that the trainer server forks as soon as it can. `events` is the socket for its events."""

    def __init__(self, events: socket.socket) -> None:
        self._events = events
        self._heard = threading.Lock()
        self._pid: int | None = None
        self._process: int | None = None
        self._ended = False
        self._code: int | None = None

    @classmethod
    def request(cls, server: int, environment: Mapping[str, str], fds: TrainerFds) -> "ForkedTrainer":
        """Asks the server at that descriptor for a trainer.

        Raises:
            OSError: the server is gone, or doesn't take the request.
        """
        encoded = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, socket.socket(fileno=os.dup(server)) as requests, current_folder() as folder:
            descriptors = Descriptors(fds.commands, fds.messages, fds.log, theirs.fileno(), folder)
            try:
                send_request(requests, Request(encoded, descriptors))
            except OSError:
                ours.close()
                raise
        return cls(ours)

    @property
    def pid(self) -> int | None:
        """See Child."""
        if self._pid is None:
            self._hear(0)
        return self._pid

    @property
    def alive(self) -> bool:
        """See Child."""
        self._hear(0)
        return not self._ended

    def wait(self, timeout: float) -> int | None:
        """See Child."""
        if not self._hear(timeout):
            raise TimeoutError
        return self._code

    def kill(self) -> None:
        """See Child. One that isn't forked yet will find the socket closed, and exit at once."""
        self._hear(0)
        if self._process is not None and not self._ended:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
            self._hear(KILLED_S)
        with self._heard:
            self._end(None)

    def _hear(self, timeout: float) -> bool:
        """Receives events until the child has ended or `timeout` seconds have passed; returns whether it has ended."""
        with self._heard, selectors.DefaultSelector() as selector:
            if not self._ended:
                selector.register(self._events, selectors.EVENT_READ)
            deadline = time.monotonic() + timeout
            while not self._ended and selector.select(max(0.0, deadline - time.monotonic())):
                self._take_event()
            return self._ended

    def _take_event(self) -> None:
        match receive_event(self._events):
            case (Started(pid), process):
                self._pid, self._process = pid, process
            case (Ended(code), _):
                self._end(code)
            case _:
                self._end(None)

    def _end(self, code: int | None) -> None:
        if self._ended:
            return
        self._ended, self._code = True, code
        self._events.close()
        if self._process is not None:
            os.close(self._process)
            self._process = None
