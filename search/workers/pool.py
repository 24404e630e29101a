"""Worker processes of this host: started, watched, replaced when they die, and told to leave."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from search.module_path import module_command, with_our_path
from search.trainers.serving import server_descriptor
from search.workers.places import Place

log = logging.getLogger(__name__)

GRACE_S = 15.0
RESTARTS = 5
LOG_TAIL_BYTES = 2000

# What they say is passed on by other ways.
NOT_INHERITED = frozenset({"SEARCH_CONFIG", "SEARCH_STORAGE"})


@dataclass
class WorkerProcess:
    """One worker, the file that its output goes to, and its place."""

    process: subprocess.Popen[bytes]
    log: Path
    place: Place


@dataclass
class WorkerPool:
    """A worker in each place, each a process of its own in a session of its own: Ctrl-C reaches the one who started
    them, who then tells them; and they go on without it when it is killed.

    `arguments` are those of `python -m search.worker`. The storage's URL travels in the environment, where other users
    of the machine can't read its password.
    """

    arguments: Sequence[str]
    places: Sequence[Place]
    storage: str
    logs: Path
    exit_code: int = 0
    _workers: list[WorkerProcess] = field(default_factory=list)
    _restarts: int = 0
    _started: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the workers."""
        self._workers += [self._start_one(place) for place in self.places]

    def alive(self) -> int:
        """How many of the workers are running, or were killed and may be replaced."""
        codes = [worker.process.poll() for worker in self._workers]
        return sum(code is None or code < 0 for code in codes)

    def pids(self) -> list[int]:
        """The process numbers of the workers that are running."""
        return [worker.process.pid for worker in self._workers if worker.process.poll() is None]

    def replace_dead(self) -> None:
        """Starts a worker in the place of each that was killed; one that ended by itself had its reasons."""
        for killed in self.note_exits():
            name = signal.Signals(-killed.process.returncode).name
            if self._restarts < RESTARTS:
                self._restarts += 1
                log.warning("a worker was ended by %s: starting another", name)
                self._workers.append(self._start_one(killed.place))
            else:
                log.error("workers keep being killed (%s): starting no more", name)
                self.exit_code = 1

    def note_exits(self) -> list[WorkerProcess]:
        """Forgets the workers that have ended; returns those that were killed.

        An exit code above 0 is kept in `exit_code`, and what the worker said last is logged.
        """
        ended = [worker for worker in self._workers if worker.process.poll() is not None]
        self._workers = [worker for worker in self._workers if worker not in ended]
        for worker in ended:
            self._note_exit(worker, worker.process.returncode)
        return [worker for worker in ended if worker.process.returncode < 0]

    def stop(self) -> None:
        """Asks the workers to give back what they have in hand, and waits for them; ends those that don't leave."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        for worker in self._workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("worker %d didn't leave in %.0f s and is ended", worker.process.pid, GRACE_S)
                worker.process.kill()
                worker.process.wait()

    def kill(self) -> None:
        """Ends the workers at once; their leases expire, and their trials go on from their checkpoints later."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.send_signal(number)

    def _note_exit(self, worker: WorkerProcess, code: int) -> None:
        if code > 0:
            self.exit_code = self.exit_code or code
            words = worker.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
            log.error("a worker ended with exit code %d; the end of %s:\n%s", code, worker.log, words)

    def _start_one(self, place: Place) -> WorkerProcess:
        self._started += 1
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / f"worker-{os.getpid()}-{self._started}.log"
        with path.open("ab") as output:
            process = subprocess.Popen(
                [*module_command("search.worker"), "-v", *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(place),
                pass_fds=() if (server := server_descriptor()) is None else (server,),
                start_new_session=True,
            )
        return WorkerProcess(process, path, place)

    def _environment(self, place: Place) -> Mapping[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        return {**with_our_path(inherited), "OPTUNA_STORAGE": self.storage, **place.for_worker()}
