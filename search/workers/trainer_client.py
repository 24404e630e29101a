"""The client of a trainer: trains a configuration, or evaluates a model."""

import logging
import math
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from search.errors import TrainerDied, TrainerUnavailable
from search.host.machine import THREADS_VARIABLE, threads_each
from search.study.folders import StudyFolder
from search.trainers.child import TRAINER_COMMAND
from search.trainers.process import TrainerProcess
from search.trainers.protocol import Evaluate, Evaluated, Failed, Ready, Train
from search.trainers.serving import forget_server
from search.workers.running_job import RunningJob

log = logging.getLogger(__name__)

TRAINER_START_S = 180.0
EVALUATION_S = 600.0


@dataclass
class TrainerClient:
    """Has jobs done by a trainer, which is started when first needed, kept warm from job to job, and replaced after a
    crash or when its memory has grown past the limit. The `with` block ends it. `number` tells it apart from the others
    of this process, by the name of its log.
    """

    folder: StudyFolder
    environment: Mapping[str, str]
    memory_limit_mb: float
    command: Sequence[str] = TRAINER_COMMAND
    number: int = 0
    _process: TrainerProcess | None = None
    _ready: Ready | None = None
    _jobs: int = 0

    @classmethod
    def on_processors(cls, folder: StudyFolder, command: Sequence[str] = TRAINER_COMMAND) -> Self:
        """One for a single task of a command, which uses all processors."""
        return cls(folder, {THREADS_VARIABLE: str(threads_each())}, math.inf, command)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def start(self) -> None:
        """Starts the process, unless it runs already, without waiting for it to be ready."""
        self._running()

    def process(self, give_up: Callable[[], bool] = lambda: False) -> tuple[TrainerProcess, Ready]:
        """The running trainer and what it said of itself.

        Raises:
            TrainerUnavailable: it couldn't be started.
            NotAwaited: `give_up` said so before it was ready.
        """
        process = self._running()
        if self._ready is None:
            try:
                self._ready = process.wait_ready(TRAINER_START_S, give_up)
            except TrainerDied as error:
                self.discard()
                if process.served:
                    log.warning("the trainer server gave no trainer (%s): they are started without it", error)
                    forget_server()
                    return self.process(give_up)
                raise TrainerUnavailable(f"no trainer could be started: {error}") from error
        return process, self._ready

    def train(self, job: Train, give_up: Callable[[], bool] = lambda: False) -> RunningJob:
        """Gives the trainer a training job, and doesn't wait for it.

        Raises:
            TrainerDied: the trainer is gone.
            TrainerUnavailable, NotAwaited: as `process` does.
        """
        process, ready = self.process(give_up)
        process.send(job)
        return RunningJob(self, process, job, ready)

    def evaluate(self, job: Evaluate, timeout_s: float = EVALUATION_S) -> Evaluated:
        """The scores of a model. A trainer that doesn't give them in time, or fails, is ended.

        Raises:
            TrainerDied: it failed, or said nothing in time.
            TrainerUnavailable: no trainer can be started on this host.
        """
        process, _ = self.process()
        process.send(job)
        answer = process.receive_of(job.job, timeout_s)
        if isinstance(answer, Evaluated):
            return answer
        self.discard()
        reason = answer.reason if isinstance(answer, Failed) else f"no answer within {timeout_s:.0f} s"
        raise TrainerDied(f"the model couldn't be evaluated: {reason}")

    def next_job(self) -> int:
        """A number that no earlier job of this trainer has."""
        self._jobs += 1
        return self._jobs

    def memory_mb(self) -> float:
        """The trainer's resident memory in MB; 0 when there is none."""
        process = self._process  # another thread may ask while the trainer is discarded
        return process.memory_mb() if process is not None else 0.0

    def replace_if_worn(self) -> None:
        """Ends a trainer that has outgrown its memory limit; the next trial gets a new one."""
        memory = self.memory_mb()
        if memory > self.memory_limit_mb:
            log.info("the trainer holds %.0f MB, more than %.0f: it is replaced", memory, self.memory_limit_mb)
            self.discard()

    def discard(self) -> None:
        """Ends the trainer at once."""
        if self._process is not None:
            self._process.kill()
        self._process = self._ready = None

    @property
    def current(self) -> TrainerProcess | None:
        """The trainer that was started last, dead or alive; None when it has been ended."""
        return self._process

    def _running(self) -> TrainerProcess:
        if self._process is not None and self._ready is not None and not self._process.alive:
            log.warning("the trainer has died between two trials: it is replaced")
            self.discard()
        if self._process is None:
            name = f"trainer-{socket.gethostname()}-{os.getpid()}" + (f"-{self.number}" if self.number else "")
            self._process = TrainerProcess(self.folder.logs / f"{name}.log", self.environment, self.command)
        return self._process
