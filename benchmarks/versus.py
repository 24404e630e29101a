"""The same search by hand-written Optuna and Keras, by KerasTuner, and by us, in turns: JSON.

    python benchmarks/versus.py                       all cases, five rounds: an hour on two cores
    python benchmarks/versus.py --case digits --rounds 5
    python benchmarks/versus.py --smoke

Each side gets the same configurations, drawn once from the space, the same images, epochs and batch size, and is timed
as a process of its own, from start to end. Of ours, "cold" workers find no traced programs, the others those of a
launch before them, and "kept" ones also a trainer server that an earlier launch has left (--keep-warm). They
end without an answer, which the other sides don't have. CIFAR-10 needs cifar10.npz in SEARCH_DATA_DIR.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np
import optuna
from ordered_study import order_study, study_results
from report import facts, print_report, ratios, spread
from scipy import stats

from search.datasets import load_dataset
from search.host.program_folder import VARIABLE
from search.launching.options import LaunchOptions
from search.training.data.split import split
from search.workers.settings import WorkerSettings
from spaces import load_space
from spaces.configuration import DROPOUT_POSITIONS

HERE = Path(__file__).parent
SPACE = "bn_dropout"
SEED = 0
LAUNCH = [sys.executable, "-m", "search.launch", "--space", SPACE]
RUNTIME = "XDG_RUNTIME_DIR"
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
KERAS_TUNER = ("keras_tuner", "tensorboard")  # it imports tensorboard, but doesn't ask for it


@dataclass(frozen=True)
class Case:
    """A search, and how many times as fast as plain Optuna it is to be: with the default workers, with one, and with
    the default workers and no traced programs, or a kept server too.
    """

    dataset: str
    trials: int
    epochs: int
    pruner: str
    limit_train: int | None
    goal_default: float
    goal_one: float | None = None
    goal_cold: float | None = None
    goal_kept: float | None = None
    batch_size: int = 64


CASES = {
    "digits": Case("digits", 20, 10, "none", None, 4.7, 3.3, 4.3, 5.2),
    "digits-halving": Case("digits", 20, 10, "asha", None, 5.4, None, 4.4, 6.5),
    "cifar10": Case("cifar10", 6, 3, "none", 4_000, 1.5),
}
SMOKE = {"digits": Case("digits", 1, 1, "asha", 200, 0.0)}


@dataclass(frozen=True)
class Run:
    """How long a side took, and for each configuration: state, objective, epochs."""

    seconds: float
    trials: list[tuple[str, float | None, int]]


class Arena:
    """The files that the sides of a case share."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case, self.folder = case, folder
        self.params = draw(case.trials)
        self.data, self.listed = folder / "data.npz", folder / "trials.json"
        parts = split(load_dataset(case.dataset), 0.2, SEED, case.limit_train)
        train = {"x_train": parts.scaled(parts.x_train), "y_train": parts.y_train}
        np.savez(self.data, **train, x_val=parts.scaled(parts.x_val), y_val=parts.y_val)
        positions = ["none", *DROPOUT_POSITIONS]
        self.listed.write_text(json.dumps({"dropout_positions": positions, "params": self.params}))

    def plain_optuna(self, round_: int) -> Run:
        return self._script("plain_optuna.py", self.case.pruner, f"sqlite:///{self.folder}/plain-{round_}.db")

    def keras_tuner(self, round_: int) -> Run:
        return self._script("plain_keras_tuner.py", str(self.folder / f"tuner-{round_}"))

    def one_worker(self, round_: int) -> Run:
        return self._ours(f"one-{round_}", self._warm(), "--n-workers=1")

    def default_workers(self, round_: int) -> Run:
        return self._ours(f"default-{round_}", self._warm())

    def cold_workers(self, round_: int) -> Run:
        return self._ours(f"cold-{round_}", self.folder / f"traced-{round_}")

    def kept_workers(self, round_: int) -> Run:
        kept = private(self.folder / "kept")
        if round_ == 0:
            small = ["--n-trials=1", "--epochs=1", "--limit-train=200", "--n-workers=1", "--keep-warm=1h", "-q"]
            url = f"sqlite:///{self.folder}/kept.db"
            timed([*LAUNCH, *small, "--storage", url], {RUNTIME: str(kept)})
        return self._ours(f"kept-{round_}", self._warm(), runtime=kept)

    def end(self) -> None:
        """Ends the server that was kept."""
        timed([sys.executable, "-m", "search.stop", "--server"], {RUNTIME: str(private(self.folder / "kept"))})

    def _warm(self) -> Path:
        """What the first cold search has traced."""
        return self.folder / "traced-0"

    def _script(self, name: str, *more: str) -> Run:
        numbers = (str(self.case.epochs), str(self.case.batch_size))
        seconds, output = timed([sys.executable, str(HERE / name), str(self.data), str(self.listed), *numbers, *more])
        return Run(seconds, [tuple(trial) for trial in json.loads(output.splitlines()[-1])])

    def _ours(self, name: str, traced: Path, *flags: str, runtime: Path | None = None) -> Run:
        case, url = self.case, f"sqlite:///{self.folder}/{name}.db"
        options = LaunchOptions(
            space=SPACE,
            storage=url,
            study_name="versus",
            dataset=case.dataset,
            n_trials=case.trials,
            epochs=case.epochs,
            batch_size=(case.batch_size,),
            pruner="asha-stop" if case.pruner == "asha" else case.pruner,
            seed=SEED,
            limit_train=case.limit_train,
            workers=WorkerSettings(data_dir=data_dir()),
        )
        order_study(options, self.params)
        wanted = ["--storage", url, "--study-name", "versus", f"--n-trials={case.trials}", "--answer=off"]
        servers = runtime or private(self.folder / "no-servers")
        seconds, _ = timed(
            [*LAUNCH, *wanted, *flags, "-q", "-f", "json"], {VARIABLE: str(traced), RUNTIME: str(servers)}
        )
        return Run(seconds, study_results(url, "versus"))


def private(folder: Path) -> Path:
    """The folder, closed to others."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def data_dir() -> Path | None:
    given = os.environ.get("SEARCH_DATA_DIR")
    return Path(given) if given else None


def draw(count: int) -> list[dict[str, Any]]:
    """Configurations as a random search would propose them."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
    trials = [study.ask() for _ in range(count)]
    for trial in trials:
        load_space(SPACE).suggest(trial)
    return [trial.params for trial in trials]


def timed(command: Sequence[str], variables: Mapping[str, str] = NO_VARIABLES) -> tuple[float, str]:
    began = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables})
    seconds = time.perf_counter() - began
    if ended.returncode:
        raise click.ClickException(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr[-3000:]}")
    return seconds, ended.stdout


def measure(case: Case, rounds: int) -> dict[str, Any]:
    """Lets the sides take turns, and compares them round by round."""
    sides = ["plain_optuna", "cold_workers", "default_workers", "one_worker", "kept_workers"]
    without = why_no_keras_tuner(case)
    if without is None:
        sides.insert(1, "keras_tuner")
    runs: dict[str, list[Run]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory(prefix="versus-") as folder:
        arena = Arena(case, Path(folder))
        for round_ in range(rounds):
            for side in sides if round_ % 2 == 0 else reversed(sides):
                runs[side].append(getattr(arena, side)(round_))
                click.echo(f"round {round_ + 1}: {side} {runs[side][-1].seconds:.1f} s", err=True)
        arena.end()
    seconds = {side: [run.seconds for run in of_side] for side, of_side in runs.items()}
    plain = seconds["plain_optuna"]
    return {
        "case": case.__dict__,
        "seconds": {side: spread(values) for side, values in seconds.items()},
        "times_as_fast_as_plain_optuna": {side: ratios(plain, seconds[side]) for side in sides[1:]},
        "epochs_trained": {side: spread([sum(t[2] for t in run.trials) for run in runs[side]]) for side in sides},
        "accuracy_minus_plain_optuna": {side: compared(runs["plain_optuna"], runs[side]) for side in sides[1:]},
        **({} if without is None else {"without_keras_tuner": without}),
    }


def why_no_keras_tuner(case: Case) -> str | None:
    missing = [name for name in KERAS_TUNER if importlib.util.find_spec(name) is None]
    if missing:
        return f"not installed: {' and '.join(missing)}; pip install --group benchmark"
    return "it has no asynchronous halving for given configurations" if case.pruner != "none" else None


def compared(plain: Sequence[Run], other: Sequence[Run]) -> dict[str, Any] | None:
    """The mean difference of the final validation accuracies, paired by configuration and averaged over rounds, with
    its 95 % confidence interval (Student's t). Only configurations that both sides always trained to the end count.
    """
    accuracies = [
        [value_of(run, number) for run in runs] for runs in (plain, other) for number in range(len(plain[0].trials))
    ]
    count = len(plain[0].trials)
    pairs = [(a, b) for a, b in zip(accuracies[:count], accuracies[count:], strict=True) if None not in (*a, *b)]
    if len(pairs) < 2:
        return None
    differences = [float(np.mean(b) - np.mean(a)) for a, b in pairs]
    mean, error = float(np.mean(differences)), float(stats.sem(differences))
    reach = float(stats.t.ppf(0.975, len(pairs) - 1)) * error
    return {"configurations": len(pairs), "mean": mean, "low": mean - reach, "high": mean + reach}


def value_of(run: Run, number: int) -> float | None:
    state, value, _ = run.trials[number]
    return value if state == "complete" else None


@click.command()
@click.option("--case", "names", multiple=True, type=click.Choice(list(CASES)), help="[default: all]")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--trials", type=click.IntRange(1), help="Configurations a search.  [default: the case's]")
@click.option("--smoke", is_flag=True, help="One round of a tiny case.")
def main(names: tuple[str, ...], rounds: int, trials: int | None, smoke: bool) -> None:
    """Compares us with what one would write otherwise."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    before = facts(smoke)
    cases = SMOKE if smoke else {name: CASES[name] for name in names or CASES}
    if trials is not None:
        cases = {name: replace(case, trials=trials) for name, case in cases.items()}
    print_report("versus", before, {name: measure(case, 1 if smoke else rounds) for name, case in cases.items()})


if __name__ == "__main__":
    main()
