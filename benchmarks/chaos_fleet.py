"""Workers with stub trainers, and what is done to them: who was killed is replaced."""

import contextlib
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import msgspec
import psutil
from chaos_checks import Death
from chaos_victims import backends_of
from own_postgres import OwnPostgres
from stub_worker import work_quietly

from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.study.test_score import leave_look_to_answer
from search.workers.settings import WorkerSettings
from storage import create_study

NAME = "chaos"
EPOCHS = 8
EPOCH_S = ("0.1", "0.3")
LEASE_S = 3.0
LEAVE_S = 60.0
TOLD_TO_LEAVE = 75

# What is done, shuffled, again and again.
DEEDS = {
    ("worker", "killed"): 5,
    ("trainer", "killed"): 5,
    ("worker", "suspended"): 1,
    ("trainer", "suspended"): 1,
    ("worker", "terminated"): 1,
    ("backend", "killed"): 1,
}

# Workers are forked from a process that has imported all this: starting Python and Optuna takes seconds each time.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    ["stub_worker", "chaos_checks", "search.launching.planning", "sklearn.datasets", "psycopg"]
)


@dataclass
class Fleet:
    """The workers, and what was done to them. Killed ones are replaced."""

    url: str
    folder: Path
    chance: random.Random
    deaths: list[Death] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    server: OwnPostgres | None = None
    name: str = NAME
    _deeds: list[tuple[str, str]] = field(default_factory=list)
    _workers: dict[ForkServerProcess, Path] = field(default_factory=dict)
    _stopped: dict[psutil.Process, float] = field(default_factory=dict)

    def start(self) -> None:
        """Starts a worker."""
        self.counts["workers_started"] += 1
        log = self.folder / f"worker-{self.counts['workers_started']}.log"
        worker = FORKED.Process(target=work_quietly, args=(log, self.url, self.name, self.folder, *EPOCH_S))
        worker.start()
        self._workers[worker] = log

    def replace_dead(self) -> None:
        """Starts a worker for each that ended; one that did so by itself, with an error, is remembered."""
        for worker in [worker for worker in self._workers if worker.exitcode is not None]:
            self._note_exit(worker.exitcode or 0, self._workers.pop(worker))
            self.start()

    def kills(self) -> int:
        """How many processes got SIGKILL so far."""
        return sum(count for name, count in self.counts.items() if name.endswith("s_killed"))

    def strike(self, spared: Collection[str] = ()) -> None:
        """Does something to a worker, a trainer or a backend of Postgres, drawn at random. `spared` are the workers
        whose trainers aren't killed.
        """
        if not self._deeds:
            usable = {deed: count for deed, count in DEEDS.items() if self.server is not None or deed[0] != "backend"}
            self._deeds = [deed for deed, count in usable.items() for _ in range(count)]
            self.chance.shuffle(self._deeds)
        role, deed = self._deeds[-1]
        victim = self._draw(role, spared)
        if victim is None:
            self.chance.shuffle(self._deeds)
            return
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just left
            self._do(deed, victim)
            self._deeds.pop()
            self.counts[f"{role}s_{deed}"] += 1

    def wake(self, *, everybody: bool = False) -> None:
        """Continues those that were suspended for long enough."""
        for process in [process for process, until in self._stopped.items() if everybody or time.time() > until]:
            del self._stopped[process]
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def wait_until_gone(self) -> int:
        """Waits for the workers to leave by themselves; returns how many didn't, which are ended."""
        self.wake(everybody=True)
        deadline = time.monotonic() + LEAVE_S
        left = 0
        for worker, log in self._workers.items():
            worker.join(max(0.0, deadline - time.monotonic()))
            left += worker.exitcode is None
            self._note_exit(worker.exitcode or 0, log)
        self.end()
        self._workers.clear()
        return left

    def end(self) -> None:
        """Ends whatever is left. A trainer whose worker is gone ends by itself."""
        for worker in self._workers:
            worker.kill()
            worker.join()
        self.wake(everybody=True)

    def epochs_begun(self) -> int:
        """How many epochs have begun so far, those of all attempts together."""
        return (self.folder / "begun.jsonl").read_bytes().count(b"\n")

    def leases_lost(self) -> int:
        """How many attempts found that another worker had their slot."""
        logs = self.folder.glob("worker-*.log")
        return sum(log.read_text(errors="replace").count("this attempt is dropped") for log in logs)

    def _do(self, deed: str, victim: psutil.Process) -> None:
        if deed == "killed":
            victim.kill()
            self.deaths.append(Death(victim.pid, time.time()))
        elif deed == "terminated":  # as job managers do it, to all at once
            for process in [*victim.children(), victim]:
                process.terminate()
        else:
            victim.suspend()
            self._stopped[victim] = time.time() + LEASE_S * self.chance.uniform(1.2, 2.0)

    def _draw(self, role: str, spared: Collection[str]) -> psutil.Process | None:
        """A worker that has a trainer, or its trainer, or a backend; none that is suspended."""
        found = backends_of(self.server) if role == "backend" else []
        for worker in () if role == "backend" else self._workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(int(worker.pid or 0))
                trainers = process.children()
                if role == "trainer" and any(f"-{process.pid}-" in worker_id for worker_id in spared):
                    continue
                found += trainers if role == "trainer" else [process] if trainers else []
        return self.chance.choice([one for one in found if one not in self._stopped] or [None])

    def _note_exit(self, code: int, log: Path) -> None:
        if code > 0 and code != TOLD_TO_LEAVE:
            last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
            self.counts["workers_quarantined"] += "Quarantined" in "".join(last)
            self.errors += [line for line in last if "Quarantined" not in line]


def make_study(url: str, folder: Path, trials: int, seed: int, pruner: str = "asha") -> None:
    """A study as a launch makes it, but with short leases."""
    (folder / "script.json").write_text("{}")
    (folder / "begun.jsonl").touch()
    wanted = LaunchOptions(
        space="bn_dropout",
        storage=url,
        study_name=NAME,
        n_trials=trials,
        epochs=EPOCHS,
        pruner=pruner,
        seed=seed,
        workers=WorkerSettings(n_workers=1, artifacts=folder / "artifacts"),
    )
    plan = make_plan(wanted)
    manifest = msgspec.structs.replace(plan.manifest, lease_s=LEASE_S)
    with create_study(url, NAME, manifest) as shared:
        leave_look_to_answer(shared, wanted=True)
        shared.ledger.order_up_to(plan.n_trials, plan.orders.__getitem__)
