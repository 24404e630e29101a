"""How long a dashboard takes to answer, on a study of a thousand trials.

    python benchmarks/dashboard.py
    python benchmarks/dashboard.py --smoke

The study lies in a SQLite file: trials with parameters, attributes and learning curves, notes and figures as a launch
leaves them. A real `python -m search.dashboard` is asked for what a browser asks for on the first page, the study's
page, and while it follows. Prints JSON; `cold` is the first answer, `warm` the median of the next ones, in
milliseconds; sizes are in bytes.
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import optuna
from machine_facts import machine_facts
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.views.facts import gather_facts
from search.views.figures import store_figures
from search.views.study_notes import note_study
from spaces import resolve
from storage import create_study
from storage.testkit import example_manifest

NAME = "thousand"
EPOCHS = 15
REPEATS = 9
PATHS = (
    "/dashboard",
    "/static/bundle.js",
    "/api/meta",
    "/api/studies",
    "/api/studies/1?after=0",
    "/api/studies/1?after=N",
)
SPACE: dict[str, BaseDistribution] = {
    "optimizer": CategoricalDistribution(("momentum", "rmsprop", "adam", "adagrad", "adadelta")),
    "learning_rate": FloatDistribution(1e-4, 1.0, log=True),
    "batch_norm": CategoricalDistribution(("before_activation", "after_activation", "none")),
    "dropout_position": CategoricalDistribution(("before_dense", "after_pooling", "none")),
    "dropout_rate": FloatDistribution(0.1, 0.5),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--smoke", action="store_true", help="20 trials, each address asked for twice")
    options = parser.parse_args()
    trials, repeats = (20, 1) if options.smoke else (options.trials, REPEATS)
    facts = machine_facts()
    with tempfile.TemporaryDirectory() as scratch:
        make_study(Path(scratch), trials)
        with dashboard(Path(scratch)) as address:
            results = [measure(address, path.replace("N", str(trials)), repeats) for path in PATHS]
    print(json.dumps({"trials": trials, "epochs": EPOCHS, "results": results, **facts}, indent=2))


def make_study(folder: Path, trials: int) -> None:
    """A finished study of `trials` trials; one in three is complete, the others were pruned."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rng = random.Random(0)  # noqa: S311 - no secret
    manifest = msgspec.structs.replace(example_manifest(), artifacts=str(folder / "artifacts"), direction="maximize")
    with create_study(f"sqlite:///{folder / 'search.db'}", NAME, manifest) as shared:
        shared.study.add_trials([made_up_trial(rng) for _ in range(trials)])
        facts = gather_facts(shared)
        store_figures(shared, facts)
        note_study(shared, resolve("bn_dropout").space, trials, facts)


def made_up_trial(rng: random.Random) -> FrozenTrial:
    """A trial with the parameters, curve and attributes that one of a search has."""
    epochs = EPOCHS if rng.random() < 0.33 else rng.choice((2, 4, 8))
    top = rng.uniform(0.3, 0.99)
    curve = {epoch: top * (1 - 0.7**epoch) + rng.uniform(0, 0.02) for epoch in range(1, epochs + 1)}
    return create_trial(
        state=TrialState.COMPLETE if epochs == EPOCHS else TrialState.PRUNED,
        value=curve[epochs],
        intermediate_values=curve,
        params={name: made_up_value(rng, distribution) for name, distribution in SPACE.items()},
        distributions=SPACE,
        user_attrs={"host": "host-1", "device": "cpu", "epoch_seconds": 0.12, "parameters": 34826, "seed": 7},
    )


def made_up_value(rng: random.Random, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return rng.choice(distribution.choices)
    assert isinstance(distribution, FloatDistribution)
    return rng.uniform(distribution.low, distribution.high)


@contextmanager
def dashboard(folder: Path) -> Iterator[str]:
    """The address of a dashboard that serves the folder's search.db."""
    command = [sys.executable, "-m", "search.dashboard", "--port=0"]
    process = subprocess.Popen(command, cwd=folder, env={**os.environ}, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process, process.stderr:
        said = process.stderr.readline()
        found = re.search(r"http://\S+:\d+", said)
        assert found is not None, said
        try:
            yield found[0]
        finally:
            process.terminate()


def measure(address: str, path: str, repeats: int) -> dict[str, Any]:
    """The times of one address, and the size of its answer."""
    times, size = [], 0
    for _ in range(repeats + 1):
        began = time.perf_counter()
        asked = urllib.request.Request(address + path, headers={"Accept-Encoding": "gzip"})  # noqa: S310 - our own address
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            size = len(answer.read())
        times.append(1000 * (time.perf_counter() - began))
    return {
        "path": path,
        "bytes": size,
        "cold_ms": round(times[0], 1),
        "warm_ms": round(statistics.median(times[1:]), 1),
        "warm_worst_ms": round(max(times[1:]), 1),
    }


if __name__ == "__main__":
    main()
