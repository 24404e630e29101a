"""How many slots a study hands out in a second, and how long a worker waits to report an epoch.

    python benchmarks/ledger.py --storage postgres
    python benchmarks/ledger.py --storage sqlite --smoke

1, 4, 16 and 64 simulated workers, each a process with connections of its own, that train nothing. First they claim
slots, all at once, until none is left. Then each reports the epochs of a trial, as a worker does, and asks the pruner
after those at which it judges. The database holds finished trials by then, which the pruner has to read. Prints JSON;
times are in milliseconds.
"""

import argparse
import contextlib
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from machine_facts import machine_facts
from optuna.trial import TrialState, create_trial
from own_postgres import own_postgres

from search.sampling.pruners import make_pruner, pruner_choice
from search.study.trials import should_prune
from spaces.epoch_scores import EpochScores
from storage import SharedStudy, create_study, open_study
from storage.epoch_report import TrialScore
from storage.records import Lease, SlotOrder
from storage.testkit import example_manifest

NAME = "ledger"
LEASE_S = 600.0
PATIENCE_S = 600.0
PRUNER = "asha-stop"

# Workers are forked from a process that has imported all this: starting Python and Optuna takes seconds each time.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["optuna", "psycopg", "search.sampling.pruners", "search.study.trials", "storage.study"])


@dataclass(frozen=True)
class Size:
    """How much is measured: slots to claim, epochs that each worker reports, finished trials in the database."""

    workers: Sequence[int]
    claims: int
    epochs: int
    history: int


FULL = Size(workers=(1, 4, 16, 64), claims=640, epochs=20, history=100)
SMOKE = Size(workers=(1, 3), claims=12, epochs=3, history=4)


@dataclass(frozen=True)
class Times:
    """What one worker measured: when its claims began and ended (Unix seconds), and the seconds that each call took."""

    began: float
    ended: float
    claims: list[float]
    reports: list[float]


def simulated_worker(url: str, epochs: int, barrier: Any, results: Any) -> None:
    """Claims until nothing is left, then reports the epochs of the slot that it had from the start."""
    with open_study(url, NAME) as shared:
        own = shared.ledger.claim(worker_id(), LEASE_S)
        barrier.wait(PATIENCE_S)
        began = time.time()
        claims = timed_claims(shared)
        ended = time.time()
        barrier.wait(PATIENCE_S)
        reports = timed_reports(shared, own, epochs)
        results.put(Times(began, ended, claims, reports))


def worker_id() -> str:
    """This process as a worker."""
    return f"worker-{multiprocessing.current_process().pid}"


def timed_claims(shared: SharedStudy) -> list[float]:
    """Claims all that there is; the seconds that each took."""
    claims = []
    while True:
        started = time.perf_counter()
        if shared.ledger.claim(worker_id(), LEASE_S) is None:
            return claims
        claims.append(time.perf_counter() - started)


def timed_reports(shared: SharedStudy, lease: Lease | None, epochs: int) -> list[float]:
    """Reports epochs; returns the seconds that each took."""
    if lease is None:
        raise RuntimeError("there were fewer slots than workers")
    number = shared.trials.fenced.create(lease, lambda _: create_trial(state=TrialState.RUNNING))
    reports, pruner = list[float](), make_pruner(PRUNER, epochs)
    for epoch in range(1, epochs + 1):
        started = time.perf_counter()
        score = TrialScore(shared.trials.ids[number], 0.7 + epoch / 1000)
        shared.ledger.record_epoch(lease, EpochScores(epoch, 0.5, 0.8, 0.6, score.value, 0.1, 0.001), score)
        if pruner_choice(PRUNER).judges(epochs, epoch):
            should_prune(shared, number, pruner)
        reports.append(time.perf_counter() - started)
    return reports


def measure(url: str, workers: int, size: Size) -> dict[str, Any]:
    """The measurements for this many workers at once, in their own study."""
    fill(url, size, workers)
    barrier, results = FORKED.Barrier(workers), FORKED.Queue()
    arguments = (url, size.epochs, barrier, results)
    started = [FORKED.Process(target=simulated_worker, args=arguments) for _ in range(workers)]
    for process in started:
        process.start()
    found: list[Times] = [results.get(timeout=PATIENCE_S) for _ in started]
    for process in started:
        process.join()
    optuna.delete_study(study_name=NAME, storage=url.replace("postgresql:", "postgresql+psycopg:"))
    claims = [seconds for times in found for seconds in times.claims]
    if len(claims) != size.claims:
        raise RuntimeError(f"{len(claims)} slots were claimed of {size.claims}")
    seconds = max(times.ended for times in found) - min(times.began for times in found)
    return {
        "workers": workers,
        "claims_per_s": round(len(claims) / seconds, 1),
        "claim_ms": summary(claims),
        "report_ms": summary([seconds for times in found for seconds in times.reports]),
    }


def fill(url: str, size: Size, workers: int) -> None:
    """A study with a slot for each worker and slots to claim, and trials that are done already."""
    manifest = example_manifest(epochs=size.epochs, pruner=PRUNER)
    with create_study(url, NAME, manifest) as shared:
        for trial in range(size.history):
            values = dict.fromkeys(range(1, size.epochs + 1), trial * 37 % 100 / 100)
            done = create_trial(state=TrialState.COMPLETE, value=values[1], intermediate_values=values)
            shared.study.add_trial(done)
        shared.ledger.order_up_to(size.claims + workers, SlotOrder)


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile, in milliseconds, and of how many."""
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return {"median": round(cuts[9] * 1000, 2), "p95": round(cuts[18] * 1000, 2), "n": len(seconds)}


@contextlib.contextmanager
def database(storage: str) -> Iterator[str]:
    """The URL of an empty database."""
    if storage == "postgres":
        with own_postgres() as server:
            yield server.url
    else:
        with tempfile.TemporaryDirectory(prefix="search-ledger-") as folder:
            yield f"sqlite:///{Path(folder) / 'search.db'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the JSON."""
    parser = argparse.ArgumentParser(description="Claims and reports of simulated workers.")
    parser.add_argument("--storage", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--smoke", action="store_true", help="a few claims of a few workers, to see that it works")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    size = SMOKE if options.smoke else FULL
    facts = machine_facts()
    with database(options.storage) as url:
        found = [measure(url, workers, size) for workers in size.workers]
    settings = {"storage": options.storage, "pruner": PRUNER, "epochs": size.epochs, "finished_trials": size.history}
    print(json.dumps({"benchmark": "ledger", **settings, "results": found, **facts}, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
