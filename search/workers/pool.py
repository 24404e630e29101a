"""The worker processes of this host: starting, watching, replacing and stopping them."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, assert_never

from search.host.ends import End, first_trouble
from search.host.exit_codes import end_of
from search.host.log_tail import log_tail
from search.host.module_path import module_command, with_our_path
from search.host.watched import watched_by_me
from search.trainers.serving import descriptors_for_children
from search.workers.placement import WorkerPlacement

log = logging.getLogger(__name__)

GRACE_S = 15.0
RESTARTS = 5  # in one place, without progress of the study in between
LOG_TAIL_BYTES = 2000

# Their output is passed on in other ways.
NOT_INHERITED = frozenset({"SEARCH_CONFIG", "SEARCH_STORAGE"})


@dataclass
class WorkerProcess:
    """One worker, the file that its output goes to, and its place. `restarts` counts the workers that were killed in
    its place one after another without progress, `progress` is how far the study was when it replaced the last one;
    `silent` says that it was told of as such.
    """

    process: subprocess.Popen[bytes]
    log: Path
    place: WorkerPlacement
    restarts: int = 0
    progress: int = -1
    silent: bool = False

    @property
    def is_replaceable(self) -> bool:
        """Whether it ended for reasons that aren't its own: it was killed, or found the database out of reach."""
        code = self.process.poll()
        return code is not None and (code < 0 or end_of(code) is End.UNREACHABLE)


@dataclass
class WorkerPool:
    """A worker in each place, each a process in its own session: Ctrl-C reaches the parent process, which then stops
    them; if it is killed, they continue.

    `arguments` are those of `python -m search.worker`. The storage's URL is passed in the environment, where other
    users of the machine can't read its password. No worker starts a trial when `timeout` seconds have passed since the
    pool was created. `vacant` are places that other launches' workers occupy for now. If this process `watches` the
    search, its end is left to it as long as it runs.

    `failure` is how the first worker ended that had an error, DONE if none did; `left_early` says that one was
    terminated or ran out of time.
    """

    arguments: Sequence[str]
    places: Sequence[WorkerPlacement]
    storage: str
    logs: Path
    timeout: float | None = None
    vacant: list[WorkerPlacement] = field(default_factory=list)
    failure: End = End.DONE
    left_early: bool = False
    watches: bool = False
    _workers: list[WorkerProcess] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _started: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the workers."""
        for place in self.places:
            self._start_one(place)

    def take_vacant(self, kept: int) -> None:
        """Starts workers in the vacant places, except for as many as are still occupied."""
        while len(self.vacant) > kept:
            log.warning("a worker of an earlier launch is gone: starting one in its place")
            self._start_one(self.vacant.pop())

    def alive(self) -> int:
        """How many of the workers are running, or were killed and may be replaced."""
        return sum(worker.process.poll() is None or worker.is_replaceable for worker in self._workers)

    def pids(self) -> list[int]:
        """The process numbers of the workers that are running."""
        return [worker.process.pid for worker in self._workers if worker.process.poll() is None]

    def replace_dead(self, progress: Callable[[], int] = lambda: 0) -> None:
        """Starts a worker in the place of each that was killed, or couldn't reach the database; others ended
        for a reason. `progress` returns a number that grows with the study's progress: only places that lose
        workers without progress are given up.
        """
        ended = self.note_exits()
        if not ended:
            return
        now = progress()
        for worker in ended:
            restarts, words = worker.restarts if now <= worker.progress else 0, in_words(worker.process.returncode)
            if restarts < RESTARTS:
                log.warning("a worker %s: starting another", words)
                self._start_one(worker.place, restarts + 1, now)
            else:
                log.error("workers keep being lost (the last %s): starting no more in its place", words)
                self.failure = first_trouble(self.failure, End.FAILED)

    def tell_of_silent(self, silent: Mapping[int, float]) -> None:
        """Logs, once, of each worker that runs and hasn't been heard of for so many seconds, given by process number,
        and what it said last: it can't reach the database where this process can read it, as when its disk is full.
        """
        for worker in self._workers:
            seconds = silent.get(worker.process.pid)
            if seconds is not None and not worker.silent and worker.process.poll() is None:
                log.warning(
                    "worker %d runs, and the database hasn't heard of it for %.0f s; the end of %s:\n%s",
                    worker.process.pid,
                    seconds,
                    worker.log,
                    log_tail(worker.log, LOG_TAIL_BYTES),
                )
            worker.silent = seconds is not None

    def note_exits(self) -> list[WorkerProcess]:
        """Forgets the workers that have ended; returns those that may be replaced.

        The others' exit codes are recorded, and an error's last output is logged.
        """
        ended = [worker for worker in self._workers if worker.process.poll() is not None]
        self._workers = [worker for worker in self._workers if worker not in ended]
        for worker in ended:
            self._note_exit(worker, worker.process.returncode)
        return [worker for worker in ended if worker.is_replaceable]

    def stop(self) -> None:
        """Tells the workers to release their slots, and waits for them; kills those that don't exit."""
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
        """Kills the workers; their leases expire, and their trials resume from their checkpoints later."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.send_signal(number)

    def _note_exit(self, worker: WorkerProcess, code: int) -> None:
        if code < 0:  # killed: another one takes its place
            return
        match end_of(code):
            case End.DONE:
                return
            case End.UNFINISHED:
                self.left_early = True
                return
            case End.UNREACHABLE:
                pass
            case End.FAILED | End.WRONG_INPUT | End.INTERRUPTED as end:
                self.failure = first_trouble(self.failure, end)
            case unknown:
                assert_never(unknown)
        log.error(
            "a worker ended with exit code %d; the end of %s:\n%s",
            code,
            worker.log,
            log_tail(worker.log, LOG_TAIL_BYTES),
        )

    def _start_one(self, place: WorkerPlacement, restarts: int = 0, progress: int = -1) -> None:
        """Starts a worker, unless the time is over."""
        left = None if self.timeout is None else self._began + self.timeout - time.monotonic()
        if left is not None and left <= 0:
            self.left_early = True
            return
        self._started += 1
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / f"worker-{os.getpid()}-{self._started}.log"
        with path.open("ab") as output:
            process = subprocess.Popen(
                [*module_command("search.worker"), "-v", *self.arguments, *([f"--timeout={left}"] if left else [])],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(place),
                pass_fds=descriptors_for_children(),
                start_new_session=True,
            )
        self._workers.append(WorkerProcess(process, path, place, restarts, progress))

    def _environment(self, place: WorkerPlacement) -> Mapping[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        watched = watched_by_me() if self.watches else {}
        return {**with_our_path(inherited), "OPTUNA_STORAGE": self.storage, **watched, **place.for_worker()}


def in_words(code: int) -> str:
    """How a replaceable worker ended, in words."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else "couldn't reach the database"
