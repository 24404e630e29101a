"""Real workers in threads, whose trainers only wait, and the process that runs many of them.

All that a worker does with its study is what it always does: claims, parameters, epochs, pruner, outcome, leases.
"""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import optuna
import optuna.storages  # here, as its parts are imported when first used, which many threads can't do at once
import sqlalchemy as sa
import sqlalchemy.orm

from search.host.shutdown import Shutdown
from search.sampling.pruners import make_pruner
from search.study.folders import StudyFolder
from search.trainers.protocol import Command, DataSource, EpochEnd, JobMessage, Ready, Stop, Stopped, Train, Trained
from search.workers.context import WorkerContext
from search.workers.loop import Heartbeat, work
from search.workers.running_job import RunningJob
from spaces import SpaceSource, resolve
from spaces.epoch_scores import EpochScores
from storage import open_study
from storage.ledger import Ledger
from storage.records import Lease, Unclaimed, WorkerInfo

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from search.trainers.process import TrainerProcess
    from search.workers.trainer_client import TrainerClient

STACK_BYTES = 2 * 1024 * 1024
PATIENCE_S = 600.0
END_PATIENCE_S = 30.0


@dataclass
class Measured:
    """What the workers of a process have measured: seconds until the training began, of each report, and between two
    trials; claims of slots whose worker had lost them; round trips by kind; CPU seconds of the process; problems.
    """

    began: list[float] = field(default_factory=list)
    reports: list[float] = field(default_factory=list)
    between: list[float] = field(default_factory=list)
    lost: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0
    problems: list[str] = field(default_factory=list)


class SimulatedProcess:
    """A trainer's process that takes `epoch_s` seconds per epoch, more or less, and computes nothing."""

    def __init__(self, epoch_s: float, measured: Measured) -> None:
        self._epoch_s = epoch_s
        self._measured = measured
        self._job: Train | None = None
        self._epoch = 0
        self._due = 0.0
        self._given: float | None = None
        self._left: float | None = None
        self._trained = 0
        self._stopped = False
        self._source = random.Random()  # noqa: S311 - it spreads epochs, and keeps no secret

    def send(self, command: Command) -> None:
        """Begins a job, or stops it: a report is over when its trial is told to go on, or stopped."""
        if isinstance(command, Train):
            if self._left is not None:
                self._measured.between.append(time.monotonic() - self._left)
            self._job, self._epoch, self._stopped, self._left = command, 0, False, None
            self._trained = checkpointed(command)
            self._wait_for_next()
        elif isinstance(command, Stop) and not self._stopped:
            self._end_report()
            self._stopped, self._left = True, time.monotonic()

    def receive_of(self, _job: int, timeout: float) -> JobMessage | None:
        """The job's next message. The time since the last epoch was given out is what its report took."""
        self._end_report()
        job = self._job
        if job is None:
            time.sleep(timeout)
            return None
        if self._stopped:
            self._job = None
            return Stopped(job.job)
        if self._epoch == job.epochs:
            self._job, self._left = None, time.monotonic()
            return Trained(job.job, parameters=1, epochs=job.epochs)
        if self._epoch < self._trained:
            return self._end_epoch(job, replayed=True)
        left = self._due - time.monotonic()
        time.sleep(max(0.0, min(left, timeout)))
        return self._end_epoch(job) if left <= timeout else None

    def kill(self) -> None:
        """Does nothing: there is no process."""

    def _end_report(self) -> None:
        if self._given is not None:
            self._measured.reports.append(time.monotonic() - self._given)
            self._given = None

    def _wait_for_next(self) -> None:
        self._due = time.monotonic() + self._epoch_s * self._source.uniform(0.8, 1.2)

    def _end_epoch(self, job: Train, *, replayed: bool = False) -> EpochEnd:
        self._epoch += 1
        if not replayed:
            checkpoint(job, self._epoch)
            self._wait_for_next()
            self._given = time.monotonic()
        accuracy = self._source.random()
        return EpochEnd(job.job, EpochScores(self._epoch, 0.5, accuracy, 0.6, accuracy, self._epoch_s, 0.001), replayed)


def checkpoint(job: Train, epoch: int) -> None:
    """Notes in the slot's folder how many epochs its trial has been trained."""
    folder = Path(job.checkpoints or "")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "epoch").write_text(str(epoch))


def checkpointed(job: Train) -> int:
    """How many epochs the trial of a job has been trained, by any worker."""
    note = Path(job.checkpoints or "") / "epoch"
    return int(note.read_text() or 0) if note.is_file() else 0


class SimulatedTrainer:
    """What a worker uses of `TrainerClient`."""

    def __init__(self, epoch_s: float, measured: Measured, began: Callable[[], None]) -> None:
        self.current = cast("TrainerProcess", SimulatedProcess(epoch_s, measured))
        self._began = began
        self._jobs = 0

    def train(self, job: Train, **_: object) -> RunningJob:
        """Begins a job."""
        self._began()
        self.current.send(job)
        return RunningJob(cast("TrainerClient", self), self.current, job, Ready("none", "none"))

    def next_job(self) -> int:
        """A number that no earlier job has."""
        self._jobs += 1
        return self._jobs

    def memory_mb(self) -> float:
        """Nothing."""
        return 0.0

    def replace_if_worn(self) -> None:
        """Never worn."""

    def discard(self) -> None:
        """Nothing is to be ended."""


@dataclass(frozen=True)
class SimulatedWorker:
    """A worker that joins `study_name`, and works on it from the barrier on until it is told to leave."""

    url: str
    study_name: str
    folder: Path
    number: int
    epoch_s: float
    measured: Measured
    barrier: threading.Barrier
    compiled: "Compiled"
    source: SpaceSource
    shutdown: Shutdown = field(default_factory=Shutdown)

    def run(self) -> None:
        """Works; what goes wrong is noted."""
        try:
            with open_study(self.url, self.study_name, wait_s=PATIENCE_S) as shared:
                self.compiled.share_with(shared.engine)
                count_lost(shared.ledger, self.measured)
                first: list[float] = []
                began = 0.0

                def note() -> None:
                    if not first:
                        first.append(time.monotonic() - began)
                        self.measured.began.append(first[0])

                manifest = shared.manifest
                trainer = SimulatedTrainer(self.epoch_s, self.measured, note)
                context = WorkerContext(
                    worker_id=f"simulated-{self.number}",
                    shared=shared,
                    space=self.source.space,
                    space_ref=self.source.ref,
                    pruner=make_pruner(manifest.pruner, manifest.epochs),
                    data=DataSource("digits"),
                    folder=StudyFolder(self.folder, self.study_name, shared.key.stamp),
                    trainer=cast("TrainerClient", trainer),
                )
                shared.workers.register(WorkerInfo(context.worker_id, "simulated", self.number))
                self.barrier.wait(PATIENCE_S)
                began = time.monotonic()
                with Heartbeat(context):
                    work(context, self.shutdown, time.monotonic() + PATIENCE_S)
        except Exception as error:  # noqa: BLE001 - the measurement shows it
            self.measured.problems.append(f"worker {self.number}: {type(error).__name__}: {error}")
            self.barrier.abort()


class Compiled:
    """The statements that SQLAlchemy has compiled, for all workers of this process.

    Each worker compiles its statements once in its life. Hundreds that do so in one process, in the seconds that are
    measured, would measure that alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dialect: sa.engine.Dialect | None = None
        self._statements: dict[Any, Any] = {}

    def share_with(self, engine: sa.engine.Engine) -> None:
        """Lets an engine, of the same database as the others, use and keep what is compiled."""
        with self._lock:
            self._dialect = self._dialect or engine.dialect
        engine.dialect = self._dialect
        engine.update_execution_options(compiled_cache=self._statements)


def count_lost(ledger: Ledger, measured: Measured) -> None:
    """Counts claims of slots that another worker had: none is released while it is measured, and one that is paused
    isn't claimed, but resumed.
    """
    claim = ledger.try_claim

    def counted(worker_id: str, lease_s: float) -> Lease | Unclaimed:
        found = claim(worker_id, lease_s)
        measured.lost += isinstance(found, Lease) and found.token > 1
        return found

    ledger.try_claim = counted  # type: ignore[method-assign]


def count_round_trips(sent: Counter[str]) -> None:
    """Counts all that this process sends to databases from now on; each is a round trip."""

    def counted(kind: str) -> Callable[..., None]:
        def count(connection: Any, *_: Any) -> None:
            if not getattr(connection.connection.dbapi_connection, "autocommit", False):
                sent[kind] += 1

        return count

    def count_statement(*_: Any) -> None:
        sent["statement"] += 1

    for event in ("begin", "commit", "rollback"):
        sa.event.listen(sa.engine.Engine, event, counted(event))
    sa.event.listen(sa.engine.Engine, "before_cursor_execute", count_statement)


def run_workers(
    url: str, study_name: str, folder: Path, numbers: range, epoch_s: float, orders: "Connection[Any, Any]"
) -> None:
    """Is a process of workers. It says "joined" when all have, lets them begin when told "go", and answers "mark" with
    what was measured so far; "end" ends it.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    threading.stack_size(STACK_BYTES)
    measured, barrier, compiled = Measured(), threading.Barrier(len(numbers) + 1), Compiled()
    with open_study(url, study_name) as shared:
        shared.ledger.slots()  # records are decoded first by one thread: msgspec may crash where many begin to
        source = resolve(shared.manifest.space)  # nor can many use Python's parser of sources at once
    count_round_trips(measured.sent)
    arguments = (url, study_name, folder)
    common = (epoch_s, measured, barrier, compiled, source)
    workers = [SimulatedWorker(*arguments, number, *common) for number in numbers]
    threads = [threading.Thread(target=worker.run, daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    while barrier.n_waiting < len(numbers) and not barrier.broken:
        time.sleep(0.05)
    orders.send("joined")
    while (order := orders.recv()) != "end":
        if order == "go":
            with contextlib.suppress(threading.BrokenBarrierError):
                barrier.wait(PATIENCE_S)
        measured.cpu_s = time.process_time()
        orders.send(measured)
    for worker in workers:
        worker.shutdown.request()
    deadline = time.monotonic() + END_PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    orders.send(measured)
