"""What a fleet of workers asks of one Postgres server, and how long each waits for it.

    python benchmarks/fleet.py --workers 100 250 500 1000
    python benchmarks/fleet.py --workers 1000 --idle
    python benchmarks/fleet.py --smoke

The workers are real but for their trainers, which wait for 10 s per epoch: hundreds of them in each of a few processes,
each with a connection of its own, all started in the same moment. With `--idle` another worker holds the only trial.
Prints JSON: seconds until the training began, milliseconds of a report (from the end of an epoch to the decision what
becomes of the trial) and between two trials, leases lost, round trips, CPU seconds of the server and of its clients,
and which share of the machine's processors each took: where nothing is idle, these are the limit, and not the server.

A fleet takes at most 8 minutes: those that haven't joined after three, or begun after another two, are named as
problems.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

import optuna
import psutil
from machine_facts import machine_facts
from own_postgres import OwnPostgres, own_postgres
from simulated_worker import Measured, run_workers

from storage import SharedStudy, create_study
from storage.records import SlotOrder
from storage.testkit import example_manifest

NAME = "fleet"
JOIN_PATIENCE_S = 180.0
START_PATIENCE_S = 120.0
END_PATIENCE_S = 60.0
LEASE_S = 30.0
LONGEST_S = 3600.0
IDLE_AFTER_S = 45.0  # until idle workers ask as seldom as they ever do
POLL_S = 0.5
TRIES = 3
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["simulated_worker", "psycopg", "search.sampling.proposal"])


@dataclass(frozen=True)
class Fleet:
    """How many workers, in how many processes, and how long: an epoch, and the measurement."""

    workers: int
    processes: int = 4
    epoch_s: float = 10.0
    epochs: int = 6
    seconds: float = 40.0
    idle: bool = False
    idle_after_s: float = IDLE_AFTER_S
    pruner: str = "asha"


@dataclass(frozen=True)
class Mark:
    """What was used up to a moment."""

    at: float
    server_cpu_s: float
    idle_cpu_s: float
    clients: Sequence[Measured]

    @property
    def sent(self) -> Counter[str]:
        """The round trips of all clients, by kind."""
        return sum((measured.sent for measured in self.clients), Counter[str]())

    @property
    def client_cpu_s(self) -> float:
        """The CPU seconds of all clients."""
        return sum(measured.cpu_s for measured in self.clients)


def measure(server: OwnPostgres, fleet: Fleet, folder: Path) -> dict[str, Any]:
    """The measurements of one fleet, on its own study."""
    lease_s = LONGEST_S if fleet.idle else 30.0
    manifest = example_manifest(
        lease_s=lease_s, space="bn_dropout", epochs=fleet.epochs, pruner=fleet.pruner, sampler="random"
    )
    try:
        with create_study(server.url, NAME, manifest) as shared:
            shared.ledger.order_up_to(1 if fleet.idle else fleet.workers * 4, SlotOrder)
            if fleet.idle:
                shared.ledger.claim("another", LONGEST_S)
            with clients_of(server, fleet, folder) as clients:
                result = observed(server, fleet, clients)
            result["problems"] = clients.problems
            if not fleet.idle:
                result["exact"] = exact(shared, fleet)
    finally:
        optuna.delete_study(study_name=NAME, storage=server.url.replace("postgresql:", "postgresql+psycopg:"))
    return result


def measured_or_why_not(server: OwnPostgres, fleet: Fleet, folder: Path) -> dict[str, Any]:
    """The measurements of one fleet, said at once to who waits for those of others; or why there are none."""
    result: dict[str, Any] = {"workers": fleet.workers}
    for _ in range(TRIES):
        try:
            result = measure(server, fleet, folder)
            break
        except ChildProcessError as error:  # msgspec crashes now and then where many threads decode their first record
            result["problems"] = [str(error)]
        except TimeoutError as error:
            result["problems"] = [str(error)]
            break
    print(json.dumps(result), file=sys.stderr)
    return result


def observed(server: OwnPostgres, fleet: Fleet, clients: "Clients") -> dict[str, Any]:
    """What the fleet does from the moment in which all begin."""
    began = clients.mark(server, "go")
    if fleet.idle:
        time.sleep(fleet.idle_after_s)
    else:
        wait_until(lambda: sum(len(one.began) for one in clients.mark(server).clients) >= fleet.workers)
        n_began = sum(len(one.began) for one in clients.mark(server).clients)
        if n_began < fleet.workers:
            clients.problems.append(f"{n_began} of {fleet.workers} workers began within {START_PATIENCE_S:g} s")
    first = clients.mark(server)
    time.sleep(fleet.seconds)
    last = clients.mark(server)
    seconds = last.at - first.at
    reported = [report for one in last.clients for report in one.reports]
    epochs = len(reported) - sum(len(one.reports) for one in first.clients)
    sent = last.sent - first.sent
    starts = [start for one in last.clients for start in one.began]
    between = [pause for one in last.clients for pause in one.between]
    facts = {
        "workers": fleet.workers,
        "began_s": {"all_after": round(first.at - began.at, 1), **summary(starts, 1.0)},
        "report_ms": summary(reported, 1000.0),
        "between_trials_ms": summary(between, 1000.0),
        "leases_lost": sum(one.lost for one in last.clients),
        "round_trips_per_s": round(sum(sent.values()) / seconds, 1),
        "transactions_per_s": round(sent["begin"] / seconds, 1),
        "server_cores": round((last.server_cpu_s - first.server_cpu_s) / seconds, 3),
        "client_cores": round((last.client_cpu_s - first.client_cpu_s) / seconds, 3),
        "shares": shares(first, last),
        "start_shares": shares(began, first),
        "start_cpu_s": {
            "server": round(first.server_cpu_s - began.server_cpu_s, 1),
            "clients": round(first.client_cpu_s - began.client_cpu_s, 1),
        },
    }
    if epochs:
        facts |= {
            "round_trips_per_epoch": round(sum(sent.values()) / epochs, 1),
            "server_cpu_ms_per_epoch": round(1000 * (last.server_cpu_s - first.server_cpu_s) / epochs, 2),
        }
    return facts


class Clients:
    """The processes of workers, by the pipes to them."""

    def __init__(self, processes: Sequence[Any], pipes: Sequence[Any]) -> None:
        self._processes = processes
        self._pipes = pipes
        self.problems: list[str] = []

    def join(self) -> None:
        """Waits until all workers have joined.

        Raises:
            TimeoutError: some haven't for too long.
            ChildProcessError: their process has died.
        """
        deadline = time.monotonic() + JOIN_PATIENCE_S
        for pipe in self._pipes:
            if not pipe.poll(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(f"not all workers have joined after {JOIN_PATIENCE_S:g} s")
            try:
                pipe.recv()
            except EOFError:
                raise ChildProcessError("a process of workers died while they joined") from None

    def mark(self, server: OwnPostgres, order: str = "mark") -> Mark:
        """What was used so far; with the order "go", the workers begin."""
        for pipe in self._pipes:
            pipe.send(order)
        return Mark(time.monotonic(), server_cpu_s(server), idle_cpu_s(), [pipe.recv() for pipe in self._pipes])

    def end(self) -> None:
        """Lets the workers end what they do; those that don't in time are killed."""
        for pipe in self._pipes:
            with suppress(OSError):  # its process has died
                pipe.send("end")
        deadline = time.monotonic() + END_PATIENCE_S
        for pipe in self._pipes:
            self.problems += problems_of(pipe, deadline)
        for process in self._processes:
            process.kill()
            process.join()
        del self.problems[5:]


def problems_of(pipe: Any, deadline: float) -> list[str]:
    """What the workers of a process say that went wrong, once they have ended."""
    with suppress(EOFError):
        while pipe.poll(max(0.0, deadline - time.monotonic())):
            if isinstance(said := pipe.recv(), Measured):
                return said.problems
        return [f"a process of workers hasn't ended after {END_PATIENCE_S:g} s"]
    return ["a process of workers has died"]


@contextmanager
def clients_of(server: OwnPostgres, fleet: Fleet, folder: Path) -> Iterator[Clients]:
    """The fleet's processes, whose workers have joined."""
    pipes, processes = list[Any](), list[Any]()
    for index in range(min(fleet.processes, fleet.workers)):
        ours, theirs = FORKED.Pipe()
        numbers = range(index, fleet.workers, min(fleet.processes, fleet.workers))
        arguments = (server.url, NAME, folder, numbers, fleet.epoch_s, theirs)
        process = FORKED.Process(target=run_workers, args=arguments, daemon=True)
        process.start()
        processes.append(process)
        pipes.append(ours)
    clients = Clients(processes, pipes)
    try:
        clients.join()
        yield clients
    finally:
        clients.end()


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits until the condition holds, or for two minutes."""
    deadline = time.monotonic() + START_PATIENCE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(POLL_S)


def shares(first: Mark, last: Mark) -> dict[str, float]:
    """Which shares of the machine's processors the server, the clients and others took, and what was idle."""
    available = (last.at - first.at) * (psutil.cpu_count() or 1)
    server = (last.server_cpu_s - first.server_cpu_s) / available
    clients = (last.client_cpu_s - first.client_cpu_s) / available
    idle = (last.idle_cpu_s - first.idle_cpu_s) / available
    found = {"server": server, "clients": clients, "others": max(0.0, 1 - server - clients - idle), "idle": idle}
    return {name: round(share, 3) for name, share in found.items()}


def idle_cpu_s() -> float:
    """The seconds in which the machine's processors had nothing to do, together."""
    times = psutil.cpu_times()
    return float(times.idle + getattr(times, "iowait", 0.0))


def exact(shared: SharedStudy, fleet: Fleet) -> bool:
    """Whether each slot has at most one trial, no trial lacks a slot, and finished trials have all their epochs."""
    bound = [slot.trial_number for slot in shared.ledger.slots() if slot.trial_number is not None]
    trials = [trial.number for trial in shared.study.get_trials(deepcopy=False)]
    complete = [done for done in shared.ledger.outcomes() if done.outcome.state == "complete"]
    counted = Counter(epoch.trial_number for epoch in shared.ledger.all_epochs())
    return sorted(bound) == trials and all(counted[done.trial_number or 0] == fleet.epochs for done in complete)


def server_cpu_s(server: OwnPostgres) -> float:
    """The CPU seconds of the server: of its processes that live, and of those that have ended."""
    main = psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))
    used = main.cpu_times()
    total = used.user + used.system + used.children_user + used.children_system
    for child in main.children():
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return float(total)


def summary(seconds: Sequence[float], scale: float) -> dict[str, float]:
    """Median, 95th percentile and number."""
    if len(seconds) < 2:
        return {"n": len(seconds)}
    cuts = quantiles(seconds, n=20, method="inclusive")
    return {"median": round(cuts[9] * scale, 2), "p95": round(cuts[18] * scale, 2), "n": len(seconds)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[100, 250, 500, 1000])
    parser.add_argument("--processes", type=int, default=4, help="processes that the workers share")
    parser.add_argument("--seconds", type=float, default=40.0, help="how long each fleet is measured")
    parser.add_argument("--pruner", default="asha", help="the study's pruner (default: asha)")
    parser.add_argument("--idle", action="store_true", help="there is nothing to claim")
    parser.add_argument("--smoke", action="store_true", help="a few workers and short epochs, to see that it works")
    options = parser.parse_args(arguments)
    common = {"seconds": options.seconds, "idle": options.idle, "pruner": options.pruner}
    fleets = [Fleet(n, options.processes, **common) for n in options.workers]
    if options.smoke:
        fleets = [
            Fleet(
                4,
                processes=2,
                epoch_s=0.2,
                epochs=3,
                seconds=1.5,
                idle=options.idle,
                idle_after_s=1.0,
                pruner=options.pruner,
            )
        ]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    facts = machine_facts()
    with own_postgres() as server, tempfile.TemporaryDirectory(prefix="search-fleet-") as folder:
        server.configure(max_connections=max(fleet.workers for fleet in fleets) * 3 + 50)
        found = [measured_or_why_not(server, fleet, Path(folder)) for fleet in fleets]
    print(json.dumps({"benchmark": "fleet", "idle": options.idle, "results": found, **facts}, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
