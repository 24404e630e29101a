"""Chaos: workers and trainers are killed and suspended, the database is restarted, and the study must not notice.

    python benchmarks/chaos.py --storage postgres --workers 8 --trials 200 --seed 0
    python benchmarks/chaos.py --storage sqlite --smoke

Real worker processes, whose trainers train nothing (stub_trainer.py), on a PostgreSQL server of its own or a SQLite
file. About every second one of them gets SIGKILL, or, one time in four, SIGSTOP for longer than its lease. Prints what
came of it as JSON; the exit code is 1 if anything was lost or done twice (chaos_checks.py).
"""

import argparse
import contextlib
import json
import multiprocessing
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import msgspec
import psutil
from chaos_checks import MUST_BE_ZERO, Death, examine
from machine_facts import machine_facts
from own_postgres import OwnPostgres, own_postgres
from stub_worker import work_quietly

from search.commands.worker_flags import WorkerFlags
from search.launching.planning import LaunchOptions, make_plan
from storage import create_study, open_study
from storage.errors import StorageUnreachable

NAME = "chaos"
EPOCHS = 8
EPOCH_S = ("0.1", "0.3")
LEASE_S = 3.0
OUTAGE_S = 1.5
LEAVE_S = 60.0
PAUSE_S = (0.5, 1.5)
EPOCHS_BETWEEN = 3  # as many begin between two deeds at least, or a slow machine would get nowhere

# What is done, shuffled, again and again.
DEEDS = {("worker", "killed"): 4, ("trainer", "killed"): 5, ("worker", "suspended"): 2, ("trainer", "suspended"): 1}

# Workers are forked from a process that has imported all this: starting Python and Optuna anew takes seconds each time.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    ["stub_worker", "chaos_checks", "search.launching.planning", "sklearn.datasets", "psycopg"]
)


@dataclass(frozen=True)
class Options:
    """How much chaos; `limit_s` is when to give up."""

    storage: str
    workers: int
    trials: int
    restarts: int
    seed: int
    limit_s: float


@dataclass
class Fleet:
    """The workers, and what was done to them. Whoever was killed is replaced."""

    url: str
    folder: Path
    chance: random.Random
    deaths: list[Death] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    _deeds: list[tuple[str, str]] = field(default_factory=list)
    _workers: dict[ForkServerProcess, Path] = field(default_factory=dict)
    _stopped: dict[psutil.Process, float] = field(default_factory=dict)

    def start(self) -> None:
        """Starts a worker."""
        self.counts["workers_started"] += 1
        log = self.folder / f"worker-{self.counts['workers_started']}.log"
        worker = FORKED.Process(target=work_quietly, args=(log, self.url, NAME, self.folder, *EPOCH_S))
        worker.start()
        self._workers[worker] = log

    def replace_dead(self) -> None:
        """Starts a worker for each that ended; one that did so by itself, with an error, is remembered."""
        for worker in [worker for worker in self._workers if worker.exitcode is not None]:
            self._note_exit(worker.exitcode or 0, self._workers.pop(worker))
            self.start()

    def strike(self) -> None:
        """Kills or suspends a worker or a trainer, drawn at random."""
        if not self._deeds:
            self._deeds = [deed for deed, count in DEEDS.items() for _ in range(count)]
            self.chance.shuffle(self._deeds)
        role, deed = self._deeds[-1]
        victim = self._draw(role)
        if victim is None:
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
        else:
            victim.suspend()
            self._stopped[victim] = time.time() + LEASE_S * self.chance.uniform(1.2, 2.0)

    def _draw(self, role: str) -> psutil.Process | None:
        """A worker that has a trainer, or its trainer; none that is suspended."""
        found = []
        for worker in self._workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(int(worker.pid or 0))
                trainers = process.children()
                found += trainers if role == "trainer" else [process] if trainers else []
        return self.chance.choice([one for one in found if one not in self._stopped] or [None])

    def _note_exit(self, code: int, log: Path) -> None:
        if code > 0:
            last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
            self.counts["workers_quarantined"] += "Quarantined" in "".join(last)
            self.errors += [line for line in last if "Quarantined" not in line]


def run(options: Options, url: str, server: OwnPostgres | None, folder: Path) -> dict[str, Any]:
    """Makes the study, has it finished under chaos, and counts."""
    facts = machine_facts()
    make_study(url, folder, options.trials, options.seed)
    fleet = Fleet(url, folder, random.Random(options.seed))  # noqa: S311 - reproducible, not secret
    began = time.monotonic()
    try:
        for _ in range(options.workers):
            fleet.start()
        restarts = rage(options, fleet, server, deadline=began + options.limit_s)
        lasted = time.monotonic() - began
        left = fleet.wait_until_gone()
    finally:
        fleet.end()
    found = examine(url, NAME, folder / "begun.jsonl", fleet.deaths)
    return {
        "benchmark": "chaos",
        **options_shown(options),
        "seconds": round(lasted, 1),
        **{f"{role}s_{deed}": fleet.counts[f"{role}s_{deed}"] for role, deed in DEEDS},
        "database_restarts": restarts,
        "workers_started": fleet.counts["workers_started"],
        "workers_quarantined": fleet.counts["workers_quarantined"],
        "workers_that_did_not_leave": left,
        "leases_lost": fleet.leases_lost(),
        **found,
        "errors": fleet.errors,
        "failed_checks": failed_checks(options, found, restarts, left, fleet.errors),
        **facts,
    }


def options_shown(options: Options) -> dict[str, Any]:
    """The options that say what was run."""
    return {
        "storage": options.storage,
        "workers": options.workers,
        "trials": options.trials,
        "epochs": EPOCHS,
        "lease_s": LEASE_S,
        "seed": options.seed,
    }


def make_study(url: str, folder: Path, trials: int, seed: int, pruner: str = "asha") -> None:
    """A study as a launch makes it, but with short leases, and slots that are never given up."""
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
        workers=WorkerFlags(n_workers=1, artifacts=folder / "artifacts"),
    )
    plan = make_plan(wanted)
    manifest = msgspec.structs.replace(plan.manifest, lease_s=LEASE_S, max_attempts=1000)
    with create_study(url, NAME, manifest) as shared:
        shared.ledger.order_up_to(plan.n_trials, plan.orders.__getitem__)


def rage(options: Options, fleet: Fleet, server: OwnPostgres | None, deadline: float) -> int:
    """Strikes about every second until the study is done; returns how often the database was restarted."""
    restarting: list[threading.Thread] = []
    due_at, due_after = time.monotonic(), 0
    with open_study(fleet.url, NAME) as shared:
        while time.monotonic() < deadline:
            with contextlib.suppress(StorageUnreachable):
                counts = shared.ledger.counts()
                if counts.finished == counts.total and not shared.ledger.unconfirmed():
                    break
                due = counts.finished > options.trials * (len(restarting) + 1) / (options.restarts + 1)
                if server is not None and due and len(restarting) < options.restarts:
                    restarting.append(threading.Thread(target=restart, args=(server, len(restarting))))
                    restarting[-1].start()
            fleet.wake()
            fleet.replace_dead()
            if time.monotonic() > due_at and fleet.epochs_begun() >= due_after:
                fleet.strike()
                due_at = time.monotonic() + fleet.chance.uniform(*PAUSE_S)
                due_after = fleet.epochs_begun() + EPOCHS_BETWEEN
            time.sleep(0.1)
    for thread in restarting:
        thread.join()
    return len(restarting)


def restart(server: OwnPostgres, number: int) -> None:
    """Takes the database away for a while: first as a crash does, then in good order, and so on."""
    server.stop("fast" if number % 2 else "immediate")
    time.sleep(OUTAGE_S)
    server.start()


def failed_checks(options: Options, found: dict[str, int], restarts: int, left: int, errors: list[str]) -> list[str]:
    """What isn't as promised, in words."""
    failed = [f"{name} is {found[name]}" for name in MUST_BE_ZERO if found[name]]
    if found["finished"] != options.trials:
        failed.append(f"{found['finished']} trials are finished, and {options.trials} were ordered")
    if found["most_epochs_lost_by_a_kill"] > 1:
        failed.append(f"a kill has cost {found['most_epochs_lost_by_a_kill']} epochs of work")
    if restarts != options.restarts:
        failed.append(f"the database was restarted {restarts} times instead of {options.restarts}")
    if left:
        failed.append(f"{left} workers didn't leave when the study was done")
    return failed + [f"a worker ended with an error: {line}" for line in errors]


@contextlib.contextmanager
def database(storage: str, folder: Path) -> Iterator[tuple[str, OwnPostgres | None]]:
    """The URL of an empty database, and its server if it has one."""
    if storage == "sqlite":
        yield f"sqlite:///{folder / 'search.db'}", None
        return
    with own_postgres() as server:
        yield server.url, server


def parse(arguments: list[str] | None) -> Options:
    """The options; `--smoke` is a short run."""
    parser = argparse.ArgumentParser(description="Kills, suspends and restarts everything while a study runs.")
    parser.add_argument("--storage", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--workers", type=int, help="worker processes (8 on Postgres, 4 on SQLite)")
    parser.add_argument("--trials", type=int, default=None, help="trials of the study (200)")
    parser.add_argument("--restarts", type=int, help="restarts of Postgres (3)")
    parser.add_argument("--seed", type=int, default=0, help="of the chaos and of the study (0)")
    parser.add_argument("--limit-s", type=float, default=900.0, help="seconds after which it is given up (900)")
    parser.add_argument("--smoke", action="store_true", help="a short run: 3 workers, 16 trials, 1 restart")
    given = parser.parse_args(arguments)
    postgres = given.storage == "postgres"
    workers, trials, restarts = (3, 16, 1) if given.smoke else (8 if postgres else 4, 200, 3)
    return Options(
        storage=given.storage,
        workers=given.workers or workers,
        trials=given.trials or trials,
        restarts=(restarts if given.restarts is None else given.restarts) if postgres else 0,
        seed=given.seed,
        limit_s=given.limit_s,
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs it and prints the JSON; 1 if a check failed."""
    options = parse(arguments)
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="search-chaos-", ignore_cleanup_errors=True))
        )
        report = run(options, *stack.enter_context(database(options.storage, folder)), folder)
    print(json.dumps(report, indent=2))
    return 1 if report["failed_checks"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
