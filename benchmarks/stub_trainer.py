"""A trainer without Keras: speaks search/trainers/protocol.py, and does what a script tells it, at once.

    python stub_trainer.py SCRIPT.json --commands-fd 5 --messages-fd 6

The script gives for each slot what its attempts do, the first, the second, and so on; see `Act`. A score is decided by
the configuration, the seed and the epoch alone. Checkpoints are written and resumed from as the real trainer does.
With `--epoch-s 0.05 0.15` an epoch takes so long, and with `--begun FILE` each is noted there, as a line of JSON, when
it begins.
"""

import argparse
import hashlib
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import msgspec

from search.trainers.protocol import (
    Command,
    EpochEnd,
    Evaluate,
    Evaluated,
    Failed,
    Message,
    Ready,
    Stop,
    Stopped,
    Train,
    Trained,
    Warned,
)
from search.trainers.signals import leave_to_worker
from spaces.configuration import Configuration
from spaces.epoch_scores import EpochScores
from spaces.estimate import Estimate
from spaces.metrics import METRICS


class Act(msgspec.Struct, frozen=True):
    """What one attempt does other than to train all its epochs."""

    scores: tuple[float, ...] = ()
    die_before: int | None = None
    hold_before: int | None = None
    deaf: bool = False
    fail: tuple[str, str] | None = None
    diverge_at: int | None = None
    warn: str | None = None
    over_after: int | None = None
    kept_epoch: int | None = None
    write_after_stop: bool = False


class Begun(msgspec.Struct, frozen=True):
    """An epoch that began at `at`, in Unix seconds, in the trainer `pid` of the process `worker`."""

    slot: int
    token: int
    epoch: int
    pid: int
    worker: int
    at: float


class Pace(msgspec.Struct, frozen=True):
    """The range of seconds per epoch, and the file in which each epoch's start is recorded."""

    shortest_s: float
    longest_s: float
    begun: Path | None
    worker: int

    def begin(self, job: Train, epoch: int) -> None:
        if self.begun is not None:
            note = Begun(slot_of(job), job.token, epoch, os.getpid(), self.worker, time.time())
            with self.begun.open("ab", buffering=0) as file:  # one write a line: many processes share the file
                file.write(msgspec.json.encode(note) + b"\n")
        time.sleep(random.uniform(self.shortest_s, self.longest_s))  # noqa: S311 - no secret


class Worker:
    """The worker at the other ends of the pipes."""

    def __init__(self, commands: int, messages: int) -> None:
        self._messages = messages
        self.jobs: SimpleQueue[Train | Evaluate] = SimpleQueue()
        self.stopped: dict[int, threading.Event] = {}
        threading.Thread(target=self._read, args=(commands,), daemon=True).start()

    def send(self, message: Message) -> None:
        os.write(self._messages, msgspec.json.encode(message) + b"\n")

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb") as lines:
            for line in lines:
                command = msgspec.json.decode(line, type=Command)
                if isinstance(command, Stop):
                    self.stopped[command.job].set()
                else:
                    self.stopped[command.job] = threading.Event()
                    self.jobs.put(command)
        os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("script", type=Path)
    parser.add_argument("--commands-fd", type=int, required=True)
    parser.add_argument("--messages-fd", type=int, required=True)
    parser.add_argument("--epoch-s", type=float, nargs=2, default=(0.0, 0.0))
    parser.add_argument("--begun", type=Path)
    options = parser.parse_args()
    shortest_s, longest_s = options.epoch_s
    pace = Pace(shortest_s, longest_s, options.begun, os.getppid())
    leave_to_worker()
    worker = Worker(options.commands_fd, options.messages_fd)
    worker.send(Ready("stub", "cpu"))
    while True:
        job = worker.jobs.get()
        if isinstance(job, Evaluate):
            worker.send(evaluated(job))
        else:
            train(worker, job, act_for(options.script, job), pace)


def evaluated(job: Evaluate) -> Evaluated:
    """As if each class were taken for each as often, and every metric were 0.8."""
    confusion = tuple((10,) * 10 for _ in range(10))
    metrics = dict.fromkeys(job.metrics, Estimate(0.8, 0.75, 0.85))
    return Evaluated(job.job, 0.1, 0.9, 100, confusion, confusion if job.validation_confusion else (), metrics)


def act_for(script: Path, job: Train) -> Act:
    acts = msgspec.json.decode(script.read_bytes(), type=dict[str, list[Act]])
    mine = acts.get(str(slot_of(job)), [])
    return mine[job.token - 1] if job.token <= len(mine) else Act()


def slot_of(job: Train) -> int:
    return int(Path(str(job.checkpoints)).name)


def train(worker: Worker, job: Train, act: Act, pace: Pace) -> None:
    stop, folder = worker.stopped[job.job], Path(str(job.checkpoints))
    if act.warn is not None:
        worker.send(Warned(job.job, act.warn))
    if act.fail is not None:
        worker.send(Failed(job.job, *act.fail))  # type: ignore[arg-type]
        return
    history = resume(folder)
    for epoch in history:
        worker.send(msgspec.structs.replace(epoch, job=job.job, replayed=True))
    for number in range(len(history) + 1, (act.over_after or job.epochs) + 1):
        begin_epoch(act, number, stop)
        if stop.is_set() and not act.deaf:
            if act.write_after_stop:
                save(worker, job, history)
            worker.send(Stopped(job.job))
            return
        pace.begin(job, number)
        history.append(run_epoch(job, act, number))
        save(worker, job, history)
        worker.send(history[-1])
        if number == act.diverge_at:
            worker.send(Trained(job.job, 1, number, f"the training loss of epoch {number} is not finite"))
            return
    folder.mkdir(parents=True, exist_ok=True)  # the worker that took over the slot may have finished it
    write_model(job)
    over = None if act.over_after is None else "early stopping: as told"
    worker.send(Trained(job.job, 1, len(history), over=over, kept_epoch=act.kept_epoch))


def write_model(job: Train) -> None:
    if job.model_path is not None:
        Path(job.model_path).write_text(f"the model of {job.owner}, seed {job.seed}")


def begin_epoch(act: Act, number: int, stop: threading.Event) -> None:
    if number == act.die_before:
        sys.stderr.write("the stub dies as told\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    if number == act.hold_before:
        stop.wait()


def run_epoch(job: Train, act: Act, number: int) -> EpochEnd:
    drawn = drawn_score(job.configuration, job.seed, number)
    score = act.scores[number - 1] if number <= len(act.scores) else drawn
    loss = None if number == act.diverge_at else 1 - score
    metrics = {str(name): score / 2 for name in {job.objective, *job.report_metrics} if METRICS[name].asked_for}
    return EpochEnd(job.job, EpochScores(number, loss, score, loss, score, 0.01, 0.1, metrics))


def drawn_score(configuration: Configuration, seed: int, epoch: int) -> float:
    """The score of an epoch, in [0, 1)."""
    decisive = msgspec.json.encode((configuration, seed, epoch))
    return int.from_bytes(hashlib.sha256(decisive).digest()[:4]) / 2**32


def save(worker: Worker, job: Train, history: list[EpochEnd]) -> None:
    folder = Path(str(job.checkpoints))
    part = folder / f"token-{job.token}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.write_bytes(msgspec.json.encode(history))
        part.replace(folder / f"token-{job.token}.npz")
    except OSError as error:  # the worker that took over the slot may have finished it, and cleared the folder
        worker.send(Warned(job.job, f"the checkpoint couldn't be written: {error}"))


def resume(folder: Path) -> list[EpochEnd]:
    found = [read(path) for path in folder.glob("token-*.npz")]
    return max(found, key=len, default=[])


def read(path: Path) -> list[EpochEnd]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[EpochEnd])
    except FileNotFoundError:
        return []  # the worker that took over the slot has finished it


if __name__ == "__main__":
    main()
