"""How long workers take to join a study that are all started in the same moment.

    python benchmarks/joining.py --storage postgres
    python benchmarks/joining.py --storage sqlite --workers 12 --smoke

Each is a process of its own with a real worker, from Python's start to its entry in the register; only the trainer is a
stub, and there is nothing to train. First as many processes do at once what each worker's start costs at least: they
import what a worker imports, and end. Prints JSON; `times_the_imports` says how many times as long it took until the
last worker had joined.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from machine_facts import machine_facts
from own_postgres import own_postgres

from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from storage import SharedStudy, create_study
from storage.records import SlotOrder
from storage.testkit import order_all

NAME = "joining"
WORKER = Path(__file__).with_name("stub_worker.py")
WORKERS, FEW = 100, 4
SPARE_CONNECTIONS = 50  # docs/postgres.md
IMPORTS = "import os, sys; sys.path.insert(0, sys.argv[1]); import stub_worker, optuna.storages, psycopg; os._exit(0)"
PATIENCE_S = 600.0
POLL_S = 0.1


@contextlib.contextmanager
def database(kind: str, folder: Path, workers: int) -> Iterator[str]:
    """The URL of an empty database, which allows as many connections as this many workers are said to need."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'search.db'}"
        return
    with own_postgres() as server:
        server.configure(max_connections=workers + SPARE_CONNECTIONS)
        yield server.url


def seconds_to_import(workers: int) -> float:
    """How long this many processes take to import what workers import, all started in the same moment."""
    began = time.monotonic()
    command = [sys.executable, "-c", IMPORTS, str(WORKER.parent)]
    started = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(workers)]
    codes = {process.wait(PATIENCE_S) for process in started}
    if codes != {0}:
        raise RuntimeError(f"processes that only import ended with {codes}")
    return round(time.monotonic() - began, 1)


def join_at_once(url: str, folder: Path, workers: int) -> dict[str, Any]:
    """Starts the workers on a study with a trial for each, and waits until all have joined, or left."""
    plan = make_plan(LaunchOptions(space="bn_dropout", storage=url, study_name=NAME))
    with create_study(url, NAME, plan.manifest) as shared:
        order_all(shared.ledger, [SlotOrder(seed=number) for number in range(workers)])
        (folder / "script.json").write_text("{}")  # no trial does anything but to train
        began = time.monotonic()
        command = [sys.executable, str(WORKER), url, NAME, str(folder), "0.05", "0.1"]
        with (folder / "workers.log").open("wb") as log:
            started = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log) for _ in range(workers)]
        seconds = seconds_to_join(shared, started, began)
        codes = [process.wait(PATIENCE_S) for process in started]
        return {
            "workers": workers,
            "joined": len(seconds),
            "seconds": {"first": seconds[0], "median": seconds[len(seconds) // 2], "last": seconds[-1]},
            "exit_codes": {str(code): codes.count(code) for code in sorted(set(codes))},
            "finished_trials": shared.ledger.counts().finished,
        }


def seconds_to_join(shared: SharedStudy, started: list[subprocess.Popen[bytes]], began: float) -> list[float]:
    """After how many seconds each worker was in the register."""
    seconds: list[float] = []
    while len(seconds) < len(started):
        joined = len(shared.workers.all())
        seconds += [round(time.monotonic() - began, 1)] * (joined - len(seconds))
        if all(process.poll() is not None for process in started):
            break
        time.sleep(POLL_S)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storage", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--smoke", action="store_true", help="a few workers, to see that it works")
    given = parser.parse_args()
    workers = FEW if given.smoke else given.workers
    with tempfile.TemporaryDirectory(prefix="joining-") as name, database(given.storage, Path(name), workers) as url:
        facts = machine_facts()
        seconds_to_import(1)  # reads the files from the disk
        imports_s = seconds_to_import(workers)
        result = join_at_once(url, Path(name), workers)
        result |= {"imports_s": imports_s, "times_the_imports": round(result["seconds"]["last"] / imports_s, 2)}
    print(json.dumps({"storage": given.storage, **facts, "results": result}, indent=2))


if __name__ == "__main__":
    main()
