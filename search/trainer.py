"""The trainer: a child process that runs Keras and trains the jobs that its worker sends it, one after another.

    python -m search.trainer --commands-fd 5 --messages-fd 6

Both are pipes with one JSON document per line (search/trainers/protocol.py). It may be killed at any instant. When its
worker ends, which closes the commands, it exits at once, whatever it is doing. It ignores SIGINT, SIGTERM and SIGHUP
(search/trainers/signals.py): its worker, which gets them too, ends it.
"""

import argparse
import gc
import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import NoReturn, assert_never

import msgspec

from search.console.logs import log_to_errors
from search.host.machine import threads_wanted
from search.trainers.protocol import Command, Evaluate, Failed, Message, Ready, Stop, Train
from search.trainers.signals import heed_in_forks, leave_to_worker
from search.training.backends.process import backend_package, configure, device_name
from search.training.jobs.failures import failure_kind, failure_reason
from search.training.jobs.job import Jobs
from search.training.shared_programs.traced_files import open_traced_files

WORKER_GONE = 0
BROKEN_COMMAND = 70
REMEMBERED_JOBS = 8

log = logging.getLogger(__name__)


class Messages:
    """Sends messages to the worker. If the worker doesn't read any more, the process exits."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._writing = threading.Lock()

    def send(self, message: Message) -> None:
        """Writes the whole message before it returns. Safe to use from several threads."""
        unsent = memoryview(msgspec.json.encode(message) + b"\n")
        try:
            with self._writing:
                while unsent:
                    unsent = unsent[os.write(self._descriptor, unsent) :]
        except BrokenPipeError:
            os._exit(WORKER_GONE)


class Commands:
    """Receives commands from the worker in a thread, so that a Stop, or the worker's end, is noticed during
    training.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._jobs: queue.SimpleQueue[tuple[Train | Evaluate, threading.Event]] = queue.SimpleQueue()
        self._stops: dict[int, threading.Event] = {}  # of the last few jobs; only the reading thread touches it

    def start(self) -> None:
        """Begins to read."""
        threading.Thread(target=self._read, name="commands", daemon=True).start()

    def next_job(self) -> tuple[Train | Evaluate, threading.Event]:
        """Waits for a job; returns it with the event that a Stop for it sets."""
        return self._jobs.get()

    def _read(self) -> None:
        try:
            with os.fdopen(self._descriptor, "rb") as lines:
                for line in lines:
                    self._take(msgspec.json.decode(line, type=Command))
        except msgspec.MsgspecError:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(BROKEN_COMMAND)
        os._exit(WORKER_GONE)

    def _take(self, command: Command) -> None:
        match command:
            case Stop():
                if (event := self._stops.get(command.job)) is not None:
                    event.set()
            case Train() | Evaluate():
                while len(self._stops) >= REMEMBERED_JOBS:
                    self._stops.pop(next(iter(self._stops)))
                self._stops[command.job] = threading.Event()
                self._jobs.put((command, self._stops[command.job]))
            case _:
                assert_never(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves the worker at the other ends of the pipes until it is gone."""
    options = _options(arguments)
    prepare()
    serve(options.commands_fd, options.messages_fd)


def prepare() -> None:
    """Sets up signals and the log, before Keras is imported."""
    leave_to_worker()
    log_to_errors(logging.INFO)


def serve(commands_fd: int, messages_fd: int) -> NoReturn:
    """Executes commands until the worker is gone, which ends the process."""
    heed_in_forks()
    commands, messages = Commands(commands_fd), Messages(messages_fd)
    commands.start()
    configure(threads_wanted())
    gc.freeze()  # Keras' objects stay: scanning them takes 0.2 s each time
    messages.send(Ready(backend_package(), device_name()))
    jobs = Jobs(open_traced_files(), messages.send)
    while True:
        job, stop = commands.next_job()
        for message in _messages(jobs, job, stop):
            messages.send(message)


def _messages(jobs: Jobs, job: Train | Evaluate, stop: threading.Event) -> Iterator[Message]:
    try:
        yield from jobs.train(job, stop.is_set) if isinstance(job, Train) else jobs.evaluate(job)
    except Exception as error:
        log.exception("job %d failed", job.job)
        yield Failed(job.job, failure_kind(error), failure_reason(error))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m search.trainer", description="Started by a worker; not by hand.")
    parser.add_argument("--commands-fd", type=int, required=True, help="the pipe to read jobs from")
    parser.add_argument("--messages-fd", type=int, required=True, help="the pipe to write messages to")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
