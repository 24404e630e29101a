"""What a search takes beyond the bare epochs of its trials: JSON.

    python benchmarks/overhead.py            a quarter of an hour on two cores
    python benchmarks/overhead.py --smoke

The bare time of a trial is its number of epochs times the median of its epochs, which leaves out the first one with its
compilation. `lost` is the share of the workers' time between the start of the first trial and the end of the last one
that wasn't bare; `lost_with_start` counts the whole launch, from the command to the prompt.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from report import facts, print_report, spread

from search.machine import default_workers
from storage import open_study


@dataclass(frozen=True)
class Case:
    """A search of digits, and the share of its time that it may lose."""

    trials: int
    epochs: int
    goal: float


CASES = {"digits": Case(40, 10, 0.15), "trials of 10 s and more": Case(6, 250, 0.05)}
SMOKE = {"smoke": Case(2, 2, 1.0)}


def measure(case: Case, rounds: int) -> dict[str, Any]:
    runs = [one_run(case) for _ in range(rounds)]
    return {"case": case.__dict__, **{name: spread([run[name] for run in runs]) for name in runs[0]}}


def one_run(case: Case) -> dict[str, float]:
    """Launches a search with the default workers, and compares its wall time with its epochs'."""
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        url = f"sqlite:///{Path(folder) / 'search.db'}"
        flags = ["--storage", url, "--study-name=overhead", "--pruner=none", f"--n-trials={case.trials}"]
        launch = [sys.executable, "-m", "search.launch", "--space=bn_dropout", f"--epochs={case.epochs}", *flags, "-q"]
        began = time.perf_counter()
        subprocess.run(launch, check=True, stdout=subprocess.DEVNULL)
        launched = time.perf_counter() - began
        bare, first, last = epochs_and_span(url)
    workers = min(default_workers(), case.trials)
    return {
        "seconds": launched,
        "seconds_of_trials": last - first,
        "bare_seconds_a_trial": bare / case.trials,
        "lost": 1 - bare / (workers * (last - first)),
        "lost_with_start": 1 - bare / (workers * launched),
    }


def epochs_and_span(url: str) -> tuple[float, float, float]:
    """The bare seconds of all epochs; and when the first trial began and the last ended, in Unix seconds."""
    seconds: dict[int, list[float]] = defaultdict(list)
    with open_study(url, "overhead") as shared:
        for epoch in shared.ledger.all_epochs():
            seconds[epoch.trial_number].append(epoch.scores.seconds)
        trials = shared.study.get_trials(deepcopy=False)
    starts = [trial.datetime_start.timestamp() for trial in trials if trial.datetime_start]
    ends = [trial.datetime_complete.timestamp() for trial in trials if trial.datetime_complete]
    return sum(len(epochs) * statistics.median(epochs) for epochs in seconds.values()), min(starts), max(ends)


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--smoke", is_flag=True, help="One round of a tiny search.")
def main(rounds: int, smoke: bool) -> None:
    """Measures what the service costs beside the training."""
    before = facts(smoke)
    cases = SMOKE if smoke else CASES
    print_report("overhead", before, {name: measure(case, 1 if smoke else rounds) for name, case in cases.items()})


if __name__ == "__main__":
    main()
