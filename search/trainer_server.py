"""The trainer server: imports Keras once for all trainers of a launch or of several workers, and forks them.

    python -m search.trainer_server --requests-fd 5

The descriptor is a socket for the requests of search/trainers/requests.py. It exits when no process is left that could
send requests, and may be killed at any instant: its trainers continue, and workers then start trainers without it. It
starts no thread and opens no device, as such a process can't be forked safely; the trainers do.

One that outlives its launch has a socket instead through which launches come and go (search/trainers/server_door.py).
"""

import argparse
import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn, assert_never

import msgspec
import numpy as np

from search import trainer
from search.host.gpus import installed_gpus
from search.trainers.requests import (
    TRAINER_NAME,
    Control,
    Describe,
    Descriptors,
    Ended,
    KeepWarm,
    Leave,
    Request,
    ServerState,
    Started,
    receive_request,
    send_event,
)
from search.trainers.server_door import ServerDoor
from search.trainers.signals import leave_to_worker
from search.training.backends.process import import_keras

CRASHED = 1


@dataclass(frozen=True)
class Forked:
    """A running trainer: its process, a descriptor of it, which signals its end, and the socket for its events."""

    pid: int
    process: int
    events: socket.socket

    def close(self) -> None:
        """Closes this process's descriptors of it."""
        os.close(self.process)
        self.events.close()


@dataclass
class Client:
    """A launch or a pool of workers that may send requests, or a command that only asks or tells the server something,
    which is of no use then.
    """

    requests: socket.socket
    trains: bool = True


class TrainerServer:
    """Forks a trainer for each request, and reports how each has ended.

    `clients` are sockets for requests; further launches come through the door, if there is one.
    """

    def __init__(self, clients: Sequence[socket.socket] = (), door: ServerDoor | None = None) -> None:
        self._trainers: set[Forked] = set()
        self._clients: list[Client] = []
        self._door = door
        self._selector = selectors.DefaultSelector()
        self._wakes, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, self._leave)
        if door is not None:
            self._selector.register(door, selectors.EVENT_READ, self._let_in)
        for requests in clients:
            self._add(requests)

    def serve(self) -> None:
        """Serves until no process is left that could send requests, and none may come any more."""
        while self._clients or self._is_open():
            for key, _ in self._selector.select(self._patience()):
                key.data()
            self._close_if_idle()

    def leave_when_terminated(self) -> None:
        """SIGTERM makes it leave once the launches inside are done, as at the end of a session or of a job."""
        signal.signal(signal.SIGTERM, lambda *_: self._wakes.send(b"."))

    def _is_open(self) -> bool:
        return self._door is not None and self._door.is_open

    def _patience(self) -> float | None:
        """For how many seconds there is nothing to do by itself."""
        return self._door.closes_in() if self._door is not None and self._is_open() and not self._clients else None

    def _close_if_idle(self) -> None:
        if self._door is not None and self._is_open() and not self._clients:
            descriptor = self._door.fileno()
            connection = self._door.close_if_idle()
            if connection is not None:
                self._add(connection)
            elif not self._is_open():
                self._selector.unregister(descriptor)

    def _let_in(self) -> None:
        while self._door is not None and (connection := self._door.enter()) is not None:
            self._add(connection)

    def _leave(self) -> None:
        self._woken.recv(1)
        self._shut()

    def _shut(self) -> None:
        if self._door is not None and self._is_open():
            self._let_in()
            self._selector.unregister(self._door)
            self._door.close()

    def _add(self, requests: socket.socket) -> None:
        client = Client(requests)
        self._clients.append(client)
        self._selector.register(requests, selectors.EVENT_READ, partial(self._answer, client))

    def _remove(self, client: Client) -> None:
        self._selector.unregister(client.requests)
        self._clients.remove(client)
        client.requests.close()
        if client.trains and self._door is not None:
            self._door.note_use()

    def _answer(self, client: Client) -> None:
        """Handles the client's next request, or its end."""
        try:
            request = receive_request(client.requests)
        except (ConnectionError, msgspec.MsgspecError):
            self._remove(client)
        except OSError:
            pass  # the requester sees that there is no answer
        else:
            self._carry_out(request, client)

    def _carry_out(self, request: Request | Control | None, client: Client) -> None:
        match request:
            case None:
                self._remove(client)
            case Request():
                self._fork_for(request)
            case KeepWarm(idle_s):
                if self._door is not None:
                    self._door.keep_warm_s = idle_s
            case Describe():
                self._describe_to(client)
            case Leave():
                self._shut()
                self._describe_to(client)
            case unknown:
                assert_never(unknown)

    def _describe_to(self, client: Client) -> None:
        client.trains = False
        idle_s, leaves_after_s = (0.0, 0.0) if self._door is None else (self._door.idle_s(), self._door.keep_warm_s)
        launches = sum(one.trains for one in self._clients)
        with contextlib.suppress(OSError):
            send_event(client.requests, ServerState(os.getpid(), launches, 0.0 if launches else idle_s, leaves_after_s))

    def _fork_for(self, request: Request) -> None:
        try:
            self._fork(request)
        except OSError:
            traceback.print_exc()
        finally:
            request.descriptors.close()

    def _fork(self, request: Request) -> None:
        pid = os.fork()
        if pid == 0:
            self.run_trainer(request)
        forked = Forked(pid, os.pidfd_open(pid), socket.socket(fileno=os.dup(request.descriptors.events)))
        self._trainers.add(forked)
        self._selector.register(forked.process, selectors.EVENT_READ, partial(self._reap, forked))

    def _reap(self, forked: Forked) -> None:
        _, status = os.waitpid(forked.pid, 0)
        with contextlib.suppress(OSError):
            send_event(forked.events, Ended(os.waitstatus_to_exitcode(status)))
        self._selector.unregister(forked.process)
        self._trainers.remove(forked)
        forked.close()

    def run_trainer(self, request: Request) -> NoReturn:
        """Serves the worker as its trainer; in a forked process."""
        try:
            leave_to_worker()
            self.close_inherited()
            adopt_request(request)
            trainer.serve(request.descriptors.commands, request.descriptors.messages)
        except BaseException:  # noqa: BLE001 - nothing may get back into the server's loop
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(CRASHED)

    def close_inherited(self) -> None:
        """Closes the server's own descriptors; a trainer that held them open would keep others waiting for
        their end.
        """
        self._selector.close()
        self._wakes.close()
        self._woken.close()
        if self._door is not None:
            self._door.close_inherited()
        for client in self._clients:
            client.requests.close()
        for other in self._trainers:
            other.close()


def adopt_request(request: Request) -> None:
    """Sets up this forked process as a newly started one, and reports that it runs."""
    os.setsid()
    use_log(request.descriptors)
    os.fchdir(request.descriptors.folder)
    os.close(request.descriptors.folder)
    os.environb.clear()
    os.environb.update(request.environment)
    np.random.seed()
    Path("/proc/self/comm").write_text(TRAINER_NAME)
    process = os.pidfd_open(os.getpid())
    events = socket.socket(fileno=os.dup(request.descriptors.events))
    with events, contextlib.suppress(ConnectionError):  # if the worker is gone, its commands have ended, too
        send_event(events, Started(os.getpid()), process)
    os.close(process)


def use_log(descriptors: Descriptors) -> None:
    """Sends standard output and error to the log.

    The descriptor for events stays open until the process ends.
    """
    os.dup2(descriptors.log, sys.stdout.fileno())
    os.dup2(descriptors.log, sys.stderr.fileno())
    os.close(descriptors.log)


def can_fork() -> bool:
    """Whether this process may be forked after importing Keras, that is, has one thread.

    OpenBLAS's threads don't count: it ends them before each fork, and starts them again when they are needed.
    """
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return len(list(Path("/proc/self/task").iterdir())) == 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves trainers, unless something on this host makes that unsafe."""
    options = _options(arguments)
    if installed_gpus():
        return  # forking a process that has loaded CUDA's libraries is untested
    server = _server(options)
    trainer.prepare()
    if options.listener_fd is not None:
        server.leave_when_terminated()
    import_keras()
    if can_fork():
        gc.freeze()
        server.serve()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m search.trainer_server", description="Started by a launch.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--requests-fd", type=int, help="the socket that requests come from")
    source.add_argument("--listener-fd", type=int, help="the socket through which launches come and go")
    parser.add_argument("--folder", type=Path, help="with --listener-fd: the folder that this socket is in")
    parser.add_argument("--key", help="with --listener-fd: the key by which launches find it there")
    parser.add_argument("--keep-warm", type=float, help="with --listener-fd: how many idle seconds it stays")
    return parser.parse_args(arguments)


def _server(options: argparse.Namespace) -> TrainerServer:
    if options.requests_fd is not None:
        return TrainerServer([socket.socket(fileno=options.requests_fd)])
    listener = socket.socket(fileno=options.listener_fd)
    return TrainerServer(door=ServerDoor(listener, options.folder, options.key, options.keep_warm))


if __name__ == "__main__":
    main()
