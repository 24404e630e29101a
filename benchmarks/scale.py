"""What suggesting, reporting, pruning and claiming cost as a study grows, next to plain Optuna: JSON.

    python benchmarks/scale.py --repeats 5            Postgres and SQLite, half an hour on two cores
    python benchmarks/scale.py --storage sqlite
    python benchmarks/scale.py --smoke

Studies hold 100, 1,000 and 10,000 finished trials and 8, 64 and 200 running ones, drawn from bn_dropout, each with the
values of its epochs. In each, ours and plain Optuna do the same in turns: claim a slot, or take an enqueued trial;
suggest its parameters with TPE; report an epoch; ask successive halving at
its first rung. Both are warm: each has read the study before,
as a worker has. Plain Optuna is what one gets from `create_study(storage=URL)` with the same pruner. Times are in
milliseconds; `cpu` are those of this process alone, the median.
"""

import contextlib
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import optuna
import sqlalchemy as sa
from finished_trials import insert_finished
from optuna.trial import FixedTrial, FrozenTrial, TrialState, create_trial
from own_postgres import own_postgres
from report import facts, print_report

from search.sampling.pruners import grace_epochs, make_pruner
from search.study.trials import open_trial, should_prune, suggest_configuration
from spaces import Space, load_space
from spaces.epoch_scores import EpochScores
from spaces.trials import random_trial
from storage import create_study
from storage.epoch_report import TrialScore
from storage.records import Lease, Outcome, SlotOrder
from storage.tables import slots
from storage.testkit import example_manifest

EPOCHS = 10
RUNG = grace_epochs(EPOCHS)  # the epoch after which successive halving decides for the first time
LEASE_S = 3600.0
OURS, PLAIN = "ours", "plain_optuna"


@dataclass(frozen=True)
class Size:
    """How many finished and running trials the studies have, and how often each thing is done in each of them."""

    finished: tuple[int, ...]
    running: tuple[int, ...]
    repeats: int


FULL = Size(finished=(100, 1_000, 10_000), running=(8, 64, 200), repeats=15)
SMOKE = Size(finished=(5, 10), running=(1, 2), repeats=2)


@dataclass
class Stopwatch:
    """The milliseconds that each thing took, and those of this process' CPU."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    used: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @contextlib.contextmanager
    def of(self, name: str) -> Iterator[None]:
        began, used = time.perf_counter(), time.process_time()
        yield
        self.times[name].append((time.perf_counter() - began) * 1000)
        self.used[name].append((time.process_time() - used) * 1000)

    def summary(self) -> dict[str, dict[str, float]]:
        return {
            name: {
                "median": round(float(np.median(found)), 2),
                "max": round(max(found), 2),
                "cpu": round(float(np.median(self.used[name])), 2),
                "n": len(found),
            }
            for name, found in self.times.items()
        }


class Ours:
    """A worker's way through one slot, in a study that grows."""

    def __init__(self, url: str, space: Space) -> None:
        self._space = space
        self._shared = create_study(url, OURS, example_manifest(epochs=EPOCHS, pruner="asha-stop", sampler="tpe"))
        self._pruner = make_pruner("asha-stop", EPOCHS)
        self._running = 0

    def add_finished(self, trials: list[FrozenTrial]) -> None:
        """Stores finished trials, and their slots as done."""
        before = self._shared.ledger.counts().total
        insert_finished(self._shared.engine, OURS, trials)
        done = [
            {
                "study_id": self._shared.study_id,
                "number": before + index,
                "state": "done",
                "trial_number": before + index,
                "seed": before + index,
                "outcome": "complete",
                "confirmed": True,
            }
            for index in range(len(trials))
        ]
        with self._shared.engine.begin() as connection:
            connection.execute(slots.insert(), done)

    def run_up_to(self, running: int, rng: np.random.Generator) -> None:
        """Leases this many slots, each with a trial that has reached the first rung."""
        while self._running < running:
            self._order_one()
            lease = self._claim()
            number = self._suggest(lease)
            for epoch in range(1, RUNG + 1):
                self._report(lease, number, epoch, float(rng.random()))
            self._running += 1

    def once(self, watch: Stopwatch, value: float) -> None:
        """One slot's claim, suggestion and first epoch; then it is finished, so that the study stays as it is."""
        self._order_one()
        with watch.of("claim"):
            lease = self._claim()
        with watch.of("suggest"):
            number = self._suggest(lease)
        self._report(lease, number, 1, value)
        with watch.of("report"):
            self._report(lease, number, RUNG, value)
        with watch.of("prune"):
            should_prune(self._shared, number, self._pruner)
        self._shared.ledger.finish(lease, Outcome("complete", value, None, None, RUNG))
        self._shared.study.tell(number, value)
        self._shared.ledger.confirm(lease.slot)

    def _order_one(self) -> None:
        self._shared.ledger.order_up_to(self._shared.ledger.counts().total + 1, SlotOrder)

    def _claim(self) -> Lease:
        lease = self._shared.ledger.claim("worker", LEASE_S)
        assert lease is not None
        return lease

    def _suggest(self, lease: Lease) -> int:
        number = open_trial(self._shared, self._space, lease)
        suggest_configuration(self._shared, self._space, lease, number, self._pruner)
        return number

    def _report(self, lease: Lease, number: int, epoch: int, value: float) -> None:
        score = TrialScore(self._shared.trials.ids[number], value)
        self._shared.ledger.record_epoch(lease, EpochScores(epoch, 0.5, 0.8, 0.6, value, 0.1, 0.001), score)


class Plain:
    """The same by Optuna alone."""

    def __init__(self, url: str, space: Space) -> None:
        self._url, self._space, self._running = url, space, 0
        self._study = optuna.create_study(
            study_name=PLAIN, storage=url, direction="maximize", pruner=make_pruner("asha-stop", EPOCHS)
        )

    def add_finished(self, trials: list[FrozenTrial]) -> None:
        """Stores finished trials."""
        engine = sa.create_engine(self._url)
        insert_finished(engine, PLAIN, trials)
        engine.dispose()

    def run_up_to(self, running: int, rng: np.random.Generator) -> None:
        """Starts this many trials, each of which has reached the first rung."""
        while self._running < running:
            trial = self._study.ask()
            self._space.suggest(trial)
            for epoch in range(1, RUNG + 1):
                trial.report(float(rng.random()), epoch)
            self._running += 1

    def once(self, watch: Stopwatch, value: float) -> None:
        """What `Ours.once` does."""
        self._study.enqueue_trial({})
        with watch.of("claim"):
            trial = self._study.ask()
        with watch.of("suggest"):
            self._space.suggest(trial)
        trial.report(value, 1)
        with watch.of("report"):
            trial.report(value, RUNG)
        with watch.of("prune"):
            trial.should_prune()
        self._study.tell(trial, value)


def finished_trials(space: Space, count: int, rng: np.random.Generator) -> list[FrozenTrial]:
    """Trials with random parameters, whose values rise with their epochs."""
    return [finished_trial(space, rng) for _ in range(count)]


def finished_trial(space: Space, rng: np.random.Generator) -> FrozenTrial:
    drawn = random_trial(int(rng.integers(2**32)))
    space.suggest(drawn)
    recorder = FixedTrial(drawn.params)
    space.suggest(recorder)
    values = np.sort(rng.random(EPOCHS))
    return create_trial(
        state=TrialState.COMPLETE,
        params=recorder.params,
        distributions=recorder.distributions,
        value=float(values[-1]),
        intermediate_values={epoch: float(value) for epoch, value in enumerate(values, 1)},
    )


def measure(url: str, plain_url: str, size: Size) -> list[dict[str, Any]]:
    """Fills two studies alike, and measures in each of the sizes."""
    space, rng = load_space("bn_dropout"), np.random.default_rng(0)
    sides: dict[str, Ours | Plain] = {OURS: Ours(url, space), PLAIN: Plain(plain_url, space)}
    found, filled = [], 0
    for finished in size.finished:
        trials = finished_trials(space, finished - filled, rng)
        filled = finished
        for side in sides.values():
            side.add_finished(trials)
        for running in size.running if finished == size.finished[-1] else size.running[:1]:
            found.append(measure_here(sides, finished, running, size.repeats, rng))
            click.echo(f"{finished} finished, {running} running: {found[-1]['ms']}", err=True)
    return found


def measure_here(
    sides: dict[str, "Ours | Plain"], finished: int, running: int, repeats: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Times the sides in turns; the first turn isn't counted, as caches are filled in it."""
    watches = {name: Stopwatch() for name in sides}
    for turn in range(repeats + 1):
        for name, side in sides.items():
            side.run_up_to(running, rng)
            side.once(watches[name] if turn else Stopwatch(), float(rng.random()))
    return {"finished": finished, "running": running, "ms": {name: watch.summary() for name, watch in watches.items()}}


@contextlib.contextmanager
def databases(storage: str) -> Iterator[tuple[str, str]]:
    """The URLs of two empty databases of the same kind, the second in the way in which plain Optuna wants it."""
    with contextlib.ExitStack() as stack:
        if storage == "postgres":
            server = stack.enter_context(own_postgres())
            yield server.url, server.url.replace("postgresql:", "postgresql+psycopg:")
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scale-")))
            yield f"sqlite:///{folder / 'ours.db'}", f"sqlite:///{folder / 'plain.db'}"


@click.command()
@click.option("--storage", type=click.Choice(["postgres", "sqlite"]), help="[default: both]")
@click.option("--repeats", type=click.IntRange(1), default=15, show_default=True, help="How often each is done.")
@click.option("--smoke", is_flag=True, help="Tiny studies.")
def main(storage: str | None, repeats: int, smoke: bool) -> None:
    """Measures what the service itself costs in large studies."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    before = facts(smoke)
    results = {}
    for kind in [storage] if storage else ["postgres", "sqlite"]:
        with databases(kind) as (url, plain_url):
            results[kind] = measure(url, plain_url, SMOKE if smoke else replace(FULL, repeats=repeats))
    print_report("scale", before, results)


if __name__ == "__main__":
    main()
