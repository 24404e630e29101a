"""What a search takes beyond the bare epochs of its trials: JSON.

    python benchmarks/overhead.py            25 minutes on two cores
    python benchmarks/overhead.py --case digits
    python benchmarks/overhead.py --smoke

The bare time of a trial is its number of epochs times the median of its epochs, which leaves out the first one with its
compilation. `lost` is the share of the workers' time between the start of the first trial and the end of the last one
that wasn't bare; `lost_with_start` counts the whole launch, from the command to the prompt, and the shares say what
that consists of. A worker's first trial waits for its trainer to import Keras, which doesn't count as an epoch. The
searches end without an answer.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from report import facts, print_report, spread

from search.host.machine import default_workers
from storage import open_study


@dataclass(frozen=True)
class Case:
    """A search of digits, and the share of its time that it may lose."""

    trials: int
    epochs: int
    goal: float


CASES = {"digits": Case(40, 10, 0.25), "long": Case(12, 250, 0.05)}  # those of trials of 10 s and more are long
SMOKE = {"smoke": Case(2, 2, 1.0)}


def measure(case: Case, rounds: int) -> dict[str, Any]:
    runs = [one_run(case) for _ in range(rounds)]
    return {"case": case.__dict__, **{name: spread([run[name] for run in runs]) for name in runs[0]}}


def one_run(case: Case) -> dict[str, float]:
    """Launches a search with the default workers, and compares its wall time with its epochs'."""
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        url = f"sqlite:///{Path(folder) / 'search.db'}"
        flags = ["--storage", url, "--study-name=overhead", "--pruner=none", "--answer=off", "-q"]
        size = [f"--n-trials={case.trials}", f"--epochs={case.epochs}"]
        launch = [sys.executable, "-m", "search.launch", "--space=bn_dropout", *size, *flags]
        began = time.time()
        subprocess.run(launch, check=True, stdout=subprocess.DEVNULL)
        ended = time.time()
        trials = trials_of(url)
    workers = min(default_workers(), case.trials)
    first, last = min(trial.began for trial in trials), max(trial.ended for trial in trials)
    bare = sum(trial.bare for trial in trials)
    parts = {
        "epochs": bare,
        "first_epochs_beyond_the_median": sum(trial.first for trial in trials),
        "other_epochs_beyond_the_median": sum(sum(trial.epochs) - trial.bare - trial.first for trial in trials),
        "in_trials_beside_epochs": sum(trial.ended - trial.began - sum(trial.epochs) for trial in trials),
        "before_the_first_trial": workers * (first - began),
        "after_the_last_trial": workers * (ended - last),
    }
    return {
        "seconds": ended - began,
        "seconds_of_trials": last - first,
        "bare_seconds_a_trial": bare / case.trials,
        "lost": 1 - bare / (workers * (last - first)),
        "lost_with_start": 1 - bare / (workers * (ended - began)),
        **{f"share_of_{part}": seconds / (workers * (ended - began)) for part, seconds in parts.items()},
    }


@dataclass(frozen=True)
class Timed:
    """When a trial began and ended, in Unix seconds, and the seconds of its epochs."""

    began: float
    ended: float
    epochs: list[float]

    @property
    def bare(self) -> float:
        """What its epochs would take if each took their median."""
        return len(self.epochs) * statistics.median(self.epochs)

    @property
    def first(self) -> float:
        """How much longer the first took: its program is traced and compiled, unless there is one already."""
        return self.epochs[0] - statistics.median(self.epochs)


def trials_of(url: str) -> list[Timed]:
    """The trials of the study."""
    with open_study(url, "overhead") as shared:
        seconds = {trial: [scores.seconds for scores in curve] for trial, curve in shared.ledger.curves().items()}
        trials = shared.study.get_trials(deepcopy=False)
    return [
        Timed(trial.datetime_start.timestamp(), trial.datetime_complete.timestamp(), seconds[trial.number])
        for trial in trials
        if trial.datetime_start and trial.datetime_complete
    ]


@click.command()
@click.option("--case", "names", multiple=True, type=click.Choice(list(CASES)), help="[default: all]")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--smoke", is_flag=True, help="One round of a tiny search.")
def main(names: tuple[str, ...], rounds: int, smoke: bool) -> None:
    """Measures the overhead of the service besides training."""
    before = facts(smoke)
    cases = SMOKE if smoke else {name: CASES[name] for name in names or CASES}
    print_report("overhead", before, {name: measure(case, 1 if smoke else rounds) for name, case in cases.items()})


if __name__ == "__main__":
    main()
