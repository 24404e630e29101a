"""What a worker needs for every slot, gathered once, and its trainer, replaced when it is worn out."""

import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from search.errors import TrainerDied, TrainerUnavailable
from search.study.folders import StudyFolder
from search.trainers.child import TRAINER_COMMAND
from search.trainers.process import TrainerProcess
from search.trainers.protocol import DataSource, Ready
from search.trainers.serving import forget_server
from search.workers.checkpoint_mirror import CheckpointMirror
from search.workers.job_end import JobEnd
from spaces.space import Space
from storage import SharedStudy

log = logging.getLogger(__name__)

TRAINER_START_S = 180.0


@dataclass(frozen=True)
class Limits:
    """What a worker allows: seconds and resident MB a trial (None: any), and seconds that the database may be away
    before the worker lets go of its slot.
    """

    trial_timeout_s: float | None = None
    trial_memory_mb: float | None = None
    outage_s: float = 600.0


@dataclass
class Trainer:
    """The trainer of a worker: started when first needed, kept warm from trial to trial, replaced after a crash or
    when its memory has grown past the limit.
    """

    folder: StudyFolder
    environment: Mapping[str, str]
    memory_limit_mb: float
    command: Sequence[str] = TRAINER_COMMAND
    _process: TrainerProcess | None = None
    _ready: Ready | None = None
    _jobs: int = 0

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
            log_file = self.folder.logs / f"trainer-{socket.gethostname()}-{os.getpid()}.log"
            self._process = TrainerProcess(log_file, self.environment, self.command)
        return self._process


@dataclass(frozen=True)
class Workbench:
    """The study, the space and the trainer that a worker's slots have in common."""

    worker_id: str
    shared: SharedStudy
    space: Space
    space_ref: str
    data: DataSource
    folder: StudyFolder
    trainer: Trainer
    mirror: CheckpointMirror | None = None
    limits: Limits = field(default_factory=Limits)
    job_end: JobEnd = field(default_factory=JobEnd)
