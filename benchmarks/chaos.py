"""Chaos: whatever takes part in a search is killed, suspended and told to leave, and nothing may be lost of it.

    python benchmarks/chaos.py --storage postgres --trainers stub --kills 300
    python benchmarks/chaos.py --storage sqlite --trainers real --kills 200
    python benchmarks/chaos.py --storage sqlite --smoke

With stub trainers, which train nothing (stub_trainer.py), real worker processes work on one study, whose trials are
paused and promoted, and then on the race of its best trials; they, their trainers and the backends of Postgres get
SIGKILL about twice a second, SIGSTOP for longer than a lease, and SIGTERM, and the database is restarted. With real
ones, whole commands are run (chaos_commands.py): search, comparison, confirmation, export. Prints what came of it as
JSON; the exit code is 1 if anything was lost, done twice or left, or if a file of other programs was touched.
"""

import argparse
import contextlib
import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chaos_checks import MUST_BE_ZERO, examine
from chaos_commands import run_commands
from chaos_files import Strangers, files_left, models_unknown
from chaos_fleet import DEEDS, EPOCHS, LEASE_S, NAME, Fleet, make_study
from chaos_race import failed_checks as failed_checks_of_race
from chaos_race import race, race_folder
from machine_facts import machine_facts
from own_postgres import OwnPostgres, own_postgres

from search.design.options import AnswerOptions
from search.sampling.seeds import derive_seed
from search.workers.settings import WorkerSettings
from storage import SharedStudy, open_study
from storage.errors import StorageUnreachable
from storage.records import SlotCounts, SlotOrder

OUTAGE_S = 1.5
FEWEST_COMPLETE = 3  # of those that promotion pauses, the best are finished
PAUSE_S = (0.2, 0.8)
EPOCHS_BETWEEN = 2  # as many begin between two deeds at least, or a slow machine would get nowhere


@dataclass(frozen=True)
class Options:
    """How much chaos; `limit_s` is when to give up. `kills` is how many processes get SIGKILL at least, those of the
    race not counted, in which the best `racers` trials (0: there is no race) have up to `replicates`, each of
    `race_epochs`.
    """

    storage: str
    trainers: str
    workers: int
    trials: int
    kills: int
    restarts: int
    seed: int
    limit_s: float
    racers: int
    replicates: int
    race_epochs: int


def run(options: Options, url: str, server: OwnPostgres | None, folder: Path) -> dict[str, Any]:
    """Makes the study, has it finished under chaos, and counts."""
    make_study(url, folder, options.trials, options.seed)
    fleet = Fleet(url, folder, random.Random(options.seed), server=server)  # noqa: S311 - reproducible, not secret
    strangers = Strangers(folder / "artifacts")
    strangers.folder.mkdir(exist_ok=True)
    began = time.monotonic()
    try:
        for _ in range(options.workers):
            fleet.start()
        restarts = Rage(options, fleet, strangers, deadline=began + options.limit_s).last(server)
        lasted = time.monotonic() - began
        left = fleet.wait_until_gone()
    finally:
        fleet.end()
    raced = run_race(options, fleet) if options.racers else {}
    found = {**examine(url, NAME, folder / "begun.jsonl", fleet.deaths), **files(url, strangers)}
    return {
        "seconds": round(lasted, 1),
        "kills": fleet.kills(),
        **{f"{role}s_{deed}": fleet.counts[f"{role}s_{deed}"] for role, deed in DEEDS},
        "database_restarts": restarts,
        "workers_started": fleet.counts["workers_started"],
        "workers_quarantined": fleet.counts["workers_quarantined"],
        "workers_that_did_not_leave": left,
        "leases_lost": fleet.leases_lost(),
        **found,
        "race": raced,
        "errors": fleet.errors,
        "failed_checks": [
            *failed_checks(options, found, fleet, restarts, left),
            *(failed_checks_of_race(raced, MUST_BE_ZERO) if raced else ()),
        ],
    }


def run_race(options: Options, searched: Fleet) -> dict[str, Any]:
    """Has the best trials race under the same chaos: the counts."""
    folder = race_folder(searched.folder)
    fleet = Fleet(searched.url, folder, searched.chance, server=searched.server)
    strangers = Strangers(folder / "artifacts")
    strangers.folder.mkdir()
    calm = replace(options, kills=0, restarts=0)

    def rage(fleet: Fleet) -> None:
        Rage(calm, fleet, strangers, deadline=time.monotonic() + options.limit_s).last(None)

    try:
        found = race(fleet, flags_of_race(options, fleet), rage)
    finally:
        fleet.end()
    left, counts = files_left(strangers.folder), strangers.counts()
    struck = {"kills": fleet.kills(), "errors": fleet.errors}
    return struck | found | {"files_left": len(left), **counts}


def flags_of_race(options: Options, fleet: Fleet) -> AnswerOptions:
    """How the best trials race."""
    workers = WorkerSettings(n_workers=options.workers, artifacts=fleet.folder / "artifacts")
    return AnswerOptions(
        storage=fleet.url,
        origin=NAME,
        top=options.racers,
        seeds=options.replicates,
        epochs=options.race_epochs,
        quiet=True,
        workers=workers,
    )


def files(url: str, strangers: Strangers) -> dict[str, int]:
    """What is left on the disk, and what became of strangers' files."""
    with open_study(url, NAME, wait_s=30) as shared:
        unknown = models_unknown([shared], strangers.folder)
        ordered = shared.ledger.counts().total
    left = files_left(strangers.folder)
    counts = {"files_left": len(left), "models_that_no_trial_knows": len(unknown)}
    return {"ordered": ordered, **counts, **strangers.counts()}


@dataclass
class Rage:
    """What is done while the workers work, until the study is done."""

    options: Options
    fleet: Fleet
    strangers: Strangers
    deadline: float

    def last(self, server: OwnPostgres | None) -> int:
        """Strikes about twice a second; returns how often the database was restarted."""
        restarting: list[threading.Thread] = []
        with open_study(self.fleet.url, self.fleet.name) as shared:
            due_at, due_after = time.monotonic(), 0
            while time.monotonic() < self.deadline:
                with contextlib.suppress(StorageUnreachable):
                    counts = self.order_more(shared)
                    if counts.finished == counts.total and not shared.ledger.unconfirmed():
                        break
                    if server is not None and self.is_due(counts, len(restarting)):
                        restarting.append(threading.Thread(target=restart, args=(server, len(restarting))))
                        restarting[-1].start()
                self.fleet.wake()
                self.fleet.replace_dead()
                self.strangers.plant()
                if time.monotonic() > due_at and self.fleet.epochs_begun() >= due_after:
                    self.strike(shared)
                    due_at = time.monotonic() + self.fleet.chance.uniform(*PAUSE_S)
                    due_after = self.fleet.epochs_begun() + EPOCHS_BETWEEN
                time.sleep(0.05)
        for thread in restarting:
            thread.join()
        return len(restarting)

    def strike(self, shared: SharedStudy) -> None:
        """Strikes; the trainer of a trial that has lost two in a row is spared, as a third would rightly end it."""
        with contextlib.suppress(StorageUnreachable):
            at_risk = [slot.worker_id or "" for slot in shared.ledger.slots() if slot.failures > 1 and not slot.outcome]
            self.fleet.strike(spared=at_risk)

    def order_more(self, shared: SharedStudy) -> SlotCounts:
        """Orders more trials while there weren't enough kills; how the study stands."""
        counts = shared.ledger.counts()
        if self.fleet.kills() < self.options.kills and counts.total - counts.finished < 2 * self.options.workers:
            seed = self.options.seed
            shared.ledger.order_up_to(counts.total + 20, lambda number: SlotOrder(seed=derive_seed(seed, number)))
            return shared.ledger.counts()
        return counts

    def is_due(self, counts: SlotCounts, restarts: int) -> bool:
        """Whether the database is to be restarted."""
        due = counts.finished > self.options.trials * (restarts + 1) / (self.options.restarts + 1)
        return due and restarts < self.options.restarts


def restart(server: OwnPostgres, number: int) -> None:
    """Takes the database away for a while: first as a crash does, then in good order, and so on."""
    server.stop("fast" if number % 2 else "immediate")
    time.sleep(OUTAGE_S)
    server.start()


def failed_checks(options: Options, found: dict[str, int], fleet: Fleet, restarts: int, left: int) -> list[str]:
    """What isn't as promised, in words."""
    never = (*MUST_BE_ZERO, "failed", "files_left", "models_that_no_trial_knows", "files_of_strangers_touched")
    failed = [f"{name} is {found[name]}" for name in never if found[name]]
    if found["finished"] != found["ordered"]:
        failed.append(f"{found['finished']} trials are finished, and {found['ordered']} were ordered")
    if found["complete"] < FEWEST_COMPLETE:
        failed.append(f"{found['complete']} trials were trained to their end, and {FEWEST_COMPLETE} should have been")
    if found["most_epochs_lost_by_a_kill"] > 1:
        failed.append(f"a kill has cost {found['most_epochs_lost_by_a_kill']} epochs of work")
    if fleet.kills() < options.kills:
        failed.append(f"{fleet.kills()} processes were killed, and {options.kills} should have been")
    if restarts != options.restarts:
        failed.append(f"the database was restarted {restarts} times instead of {options.restarts}")
    if left:
        failed.append(f"{left} workers didn't leave when the study was done")
    return failed + [f"a worker ended with an error: {line}" for line in fleet.errors]


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
    parser.add_argument(
        "--trainers", choices=["stub", "real"], default="stub", help="which train nothing, or do (stub)"
    )
    parser.add_argument("--kills", type=int, default=0, help="go on until as many processes got SIGKILL")
    parser.add_argument("--workers", type=int, help="worker processes (8 on Postgres, 4 on SQLite)")
    parser.add_argument("--trials", type=int, default=None, help="trials of the study (200)")
    parser.add_argument("--restarts", type=int, help="restarts of Postgres (3)")
    parser.add_argument("--seed", type=int, default=0, help="of the chaos and of the study (0)")
    parser.add_argument("--limit-s", type=float, default=900.0, help="seconds after which it is given up (900)")
    parser.add_argument("--no-race", action="store_true", help="leave out the race of the best trials")
    parser.add_argument("--smoke", action="store_true", help="a short run: 3 workers, 12 trials, 1 restart")
    given = parser.parse_args(arguments)
    postgres = given.storage == "postgres"
    workers, trials, restarts = (3, 12, 1) if given.smoke else (8 if postgres else 4, 200, 3)
    return Options(
        storage=given.storage,
        trainers=given.trainers,
        kills=given.kills,
        workers=given.workers or workers,
        trials=given.trials or trials,
        restarts=(restarts if given.restarts is None else given.restarts) if postgres else 0,
        seed=given.seed,
        limit_s=given.limit_s,
        racers=0 if given.no_race else 2 if given.smoke else 5,
        replicates=4 if given.smoke else 12,
        race_epochs=3 if given.smoke else EPOCHS,
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs it and prints the JSON; 1 if a check failed."""
    options = parse(arguments)
    facts = machine_facts()
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(tempfile.TemporaryDirectory(prefix="search-chaos-", ignore_cleanup_errors=True))
        folder = Path(made).resolve()
        url, server = stack.enter_context(database(options.storage, folder))
        if options.trainers == "stub":
            report = options_shown(options) | run(options, url, server, folder)
        else:
            report = run_commands(url, server, folder, options.kills, options.seed, options.limit_s)
    shown = {"benchmark": "chaos", "storage": options.storage, "trainers": options.trainers, "seed": options.seed}
    print(json.dumps(shown | report | facts, indent=2))
    return 1 if report["failed_checks"] else 0


def options_shown(options: Options) -> dict[str, Any]:
    """The options that say what was run with stub trainers."""
    return {"workers": options.workers, "trials": options.trials, "epochs": EPOCHS, "lease_s": LEASE_S}


if __name__ == "__main__":
    raise SystemExit(main())
