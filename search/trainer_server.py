"""The trainer server: imports Keras once for all trainers of a launch or of several workers, and forks them.

    python -m search.trainer_server --requests-fd 5

The descriptor is a socket for the requests of search/trainers/requests.py. It exits when no process is left that could
send requests, and may be killed at any instant: its trainers continue, and workers then start trainers without it. It
starts no thread and opens no device, as such a process can't be forked safely; the trainers do.
"""

import argparse
import contextlib
import gc
import os
import selectors
import socket
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from search import trainer
from search.host.gpus import installed_gpus
from search.trainers.requests import TRAINER_NAME, Descriptors, Ended, Request, Started, receive_request, send_event
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


class TrainerServer:
    """Forks a trainer for each request over the socket, and reports how each has ended."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._trainers: set[Forked] = set()
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Serves until no process is left that could send requests."""
        self._selector.register(self._requests, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._reap(key.data)
                elif not self._answer():
                    return

    def _answer(self) -> bool:
        """Handles a request; returns whether there may be more."""
        try:
            request = receive_request(self._requests)
        except OSError:
            return True  # the requester sees that there is no answer
        if request is None:
            return False
        try:
            self._fork(request)
        except OSError:
            traceback.print_exc()
        finally:
            request.descriptors.close()
        return True

    def _fork(self, request: Request) -> None:
        pid = os.fork()
        if pid == 0:
            self.run_trainer(request)
        forked = Forked(pid, os.pidfd_open(pid), socket.socket(fileno=os.dup(request.descriptors.events)))
        self._trainers.add(forked)
        self._selector.register(forked.process, selectors.EVENT_READ, forked)

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
        self._requests.close()
        for other in self._trainers:
            other.close()


def adopt_request(request: Request) -> None:
    """Sets up this forked process as a newly started one, and reports that it runs."""
    os.setsid()
    use_log(request.descriptors)
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
    parser = argparse.ArgumentParser(prog="python -m search.trainer_server", description="Started by a launch.")
    parser.add_argument("--requests-fd", type=int, required=True, help="the socket that requests come from")
    options = parser.parse_args(arguments)
    if installed_gpus():
        return  # forking a process that has loaded CUDA's libraries is untested
    trainer.prepare()
    import_keras()
    if can_fork():
        gc.freeze()
        TrainerServer(socket.socket(fileno=options.requests_fd)).serve()


if __name__ == "__main__":
    main()
