"""A search on a GPU, with Keras on JAX, next to what one would write by hand: JSON.

    KERAS_BACKEND=jax python benchmarks/gpu.py                   ten minutes on a GPU
    KERAS_BACKEND=jax python benchmarks/gpu.py --part digits     one part of it
    KERAS_BACKEND=jax python benchmarks/gpu.py --smoke           on any device

Both sides get the same configurations of the space bn_dropout, images, epochs and batch size, and are timed as
processes of their own, from start to end. By hand, every model is compiled again, so that a trial takes the same time
whatever was trained before: it trains the first few of the configurations, and `plain_seconds_for_all` is what all
would take. Of ours, a "cold" search finds no compiled programs, a "warm" one those of the search before it. Two cold
ones compare one program for all structures of the space with a program for each. Besides the digits, images are noise
around a pattern per class: they are learned, and have the size of real ones.

Parts are measured in their order, until --seconds are used up; those that are left out are listed, as are warm ones
whose cold one was left out.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import optuna
from ordered_study import order_study, study_results
from report import facts, print_report
from versus import draw, timed

from search.datasets import load_dataset
from search.host.gpus import find_gpus
from search.host.program_folder import VARIABLE
from search.launching.options import LaunchOptions
from search.training.backends.settings import SKELETON
from search.training.data.split import split
from search.workers.settings import WorkerSettings
from spaces.configuration import DROPOUT_POSITIONS
from storage import open_study

HERE = Path(__file__).parent
SPACE = "bn_dropout"
SEED = 0
CLASSES = 10
WATCHED_EVERY_S = 0.25


@dataclass(frozen=True)
class Case:
    """A search. `images` None: the digits; else this many of CIFAR-10's shape."""

    images: int | None
    trials: int
    plain_trials: int
    epochs: int
    batch_size: int = 64


@dataclass(frozen=True)
class Part:
    """Something to measure: a case by hand, or by this many workers on one GPU. `expected_s` is what it may take."""

    name: str
    case: str
    expected_s: float
    workers: int | None = None  # None: by hand
    cache: str = ""  # the name of the folder of compiled programs: parts with the same one share it
    warm: bool = False  # the folder is filled by an earlier part
    precision: str = "float32"
    skeleton: bool | None = None  # one program for all structures, or one for each; None: as a search chooses


CASES = {
    "digits": Case(None, 50, 5, 10),
    "cifar10": Case(5_000, 12, 3, 5),
    "cifar10-1024": Case(50_000, 5, 1, 4, 1024),
}
PARTS = (
    Part("digits, by hand", "digits", 50),
    Part("digits, one worker, one program for all structures, cold", "digits", 60, 1, "digits-all", skeleton=True),
    Part("digits, one worker, a program for each structure, cold", "digits", 120, 1, "digits-each", skeleton=False),
    Part("digits, eight workers, cold", "digits", 120, 8, "digits-8"),
    Part("digits, eight workers, warm", "digits", 30, 8, "digits-8", warm=True),
    Part("digits, one worker, warm", "digits", 50, 1, "digits-8", warm=True),
    Part("cifar10, by hand", "cifar10", 30),
    Part("cifar10, one worker, cold", "cifar10", 60, 1, "cifar10"),
    Part("cifar10, one worker, a program for each structure, cold", "cifar10", 60, 1, "cifar10-each", skeleton=False),
    Part("cifar10, one worker, warm", "cifar10", 35, 1, "cifar10", warm=True),
    Part("cifar10-1024, by hand", "cifar10-1024", 35),
    Part("cifar10-1024, one worker, cold", "cifar10-1024", 100, 1, "cifar10-1024"),
    Part(
        "cifar10-1024, one worker, bfloat16, cold", "cifar10-1024", 100, 1, "bfloat16-1024", precision="mixed_bfloat16"
    ),
    Part("digits, one worker, cold", "digits", 120, 1, "digits-1"),
)
SMOKE_CASES = {name: Case(case.images and 120, 1, 1, 1) for name, case in CASES.items()}
SMOKE_PARTS = PARTS[:3]


class Bench:
    """The files of the searches, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def has_programs(self, cache: str) -> bool:
        """Whether a part has filled this folder of compiled programs."""
        return (self._folder / cache).exists()

    def measure(self, part: Part, case: Case) -> dict[str, Any]:
        """What a part took, and what of the GPU's memory was used at most."""
        with MemoryWatch() as memory:
            found = self._by_hand(case) if part.workers is None else self._ours(part, case, part.workers)
        return {"part": part.name, "case": asdict(case), **found, "gpu_memory_mb": memory.most}

    def _by_hand(self, case: Case) -> dict[str, Any]:
        arrays, listed = self._arrays(case), self._folder / "trials.json"
        positions = ["none", *DROPOUT_POSITIONS]
        listed.write_text(json.dumps({"dropout_positions": positions, "params": draw(case.plain_trials)}))
        url = f"sqlite:///{self._new('plain.db')}"
        numbers = (str(case.epochs), str(case.batch_size), "none", url)
        seconds, _ = timed([sys.executable, str(HERE / "plain_optuna.py"), str(arrays), str(listed), *numbers])
        trials = [
            (trial.datetime_complete - trial.datetime_start).total_seconds()
            for trial in optuna.load_study(study_name=None, storage=url).trials
            if trial.datetime_start and trial.datetime_complete
        ]
        before = seconds - sum(trials)
        return {
            "seconds": round(seconds, 2),
            "trial_s": [round(trial, 2) for trial in trials],
            "plain_seconds_for_all": round(before + case.trials * statistics.mean(trials[1:] or trials), 1),
        }

    def _ours(self, part: Part, case: Case, workers: int) -> dict[str, Any]:
        url = f"sqlite:///{self._new('ours.db')}"
        options = LaunchOptions(
            space=SPACE,
            storage=url,
            study_name="gpu",
            dataset=self._dataset(case),
            n_trials=case.trials,
            epochs=case.epochs,
            batch_size=(case.batch_size,),
            pruner="none",
            precision=part.precision,
            seed=SEED,
            workers=WorkerSettings(),
        )
        order_study(options, draw(case.trials))
        launch = ["-m", "search.launch", "--space", SPACE, "--storage", url, "--study-name=gpu", "--answer=off", "-q"]
        shared = ["--workers-per-gpu", str(workers)] if find_gpus() else ["--n-workers", str(workers)]
        command = [sys.executable, *launch, f"--n-trials={case.trials}", *shared, "-f", "json"]
        chosen = {} if part.skeleton is None else {SKELETON: str(int(part.skeleton))}
        seconds, _ = timed(command, {VARIABLE: str(self._folder / part.cache)} | chosen)
        states = [state for state, _, _ in study_results(url, "gpu")]
        return {
            "workers": workers,
            "precision": part.precision,
            "skeleton": part.skeleton,
            "seconds": round(seconds, 2),
            "states": {state: states.count(state) for state in sorted(set(states))},
            **_epochs(url),
        }

    def _dataset(self, case: Case) -> str:
        """What `--dataset` takes."""
        if case.images is None:
            return "digits"
        path = self._folder / f"images-{case.images}.npz"
        if not path.exists():
            random = np.random.default_rng(SEED)
            labels = random.integers(0, CLASSES, case.images * 6 // 5)
            patterns = random.integers(0, 128, (CLASSES, 32, 32, 3), np.uint8)
            images = patterns[labels] + random.integers(0, 128, (len(labels), 32, 32, 3), np.uint8)
            last = case.images
            np.savez(path, x_train=images[:last], y_train=labels[:last], x_test=images[last:], y_test=labels[last:])
        return str(path)

    def _arrays(self, case: Case) -> Path:
        """The split images, as the script takes them."""
        path = self._folder / f"split-{case.images}.npz"
        if not path.exists():
            parts = split(load_dataset(self._dataset(case)), 0.2, SEED, None)
            train = {"x_train": parts.scaled(parts.x_train), "y_train": parts.y_train}
            np.savez(path, **train, x_val=parts.scaled(parts.x_val), y_val=parts.y_val)
        return path

    def _new(self, name: str) -> Path:
        self._made += 1
        return self._folder / f"{self._made}-{name}"


def _epochs(url: str) -> dict[str, Any]:
    """What the first epochs of trials took, with the compilation of what no trial before had, and what the others."""
    with open_study(url, "gpu") as shared:
        epochs = [(epoch.scores.epoch, epoch.scores.seconds) for epoch in shared.ledger.all_epochs()]
    first, later = [s for number, s in epochs if number == 1], [s for number, s in epochs if number > 1]
    return {
        "first_epochs_s": [round(seconds, 3) for seconds in first],
        "epoch_s": round(statistics.median(later), 5) if later else None,
    }


class MemoryWatch:
    """The most memory in use on the first GPU while it watches, in MB, by any process; None without a GPU."""

    def __init__(self) -> None:
        self.most: int | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        if not find_gpus():
            return
        import pynvml

        pynvml.nvmlInit()
        device = pynvml.nvmlDeviceGetHandleByIndex(0)
        while not self._ended.wait(WATCHED_EVERY_S):
            used = int(pynvml.nvmlDeviceGetMemoryInfo(device).used / 1e6)
            self.most = max(used, self.most or 0)


def device() -> dict[str, Any]:
    """The GPUs and their driver, and the backend of Keras."""
    driver = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    return {
        "gpus": [gpu.model for gpu in find_gpus()],
        "driver": subprocess.run(driver, capture_output=True, text=True).stdout.strip() if find_gpus() else None,
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
    }


def measured(parts: Sequence[Part], cases: dict[str, Case], seconds: float) -> dict[str, Any]:
    """The parts that fit into the time, in their order, and the names of the others."""
    began, found, left_out = time.monotonic(), list[dict[str, Any]](), list[str]()
    with tempfile.TemporaryDirectory(prefix="gpu-") as folder:
        bench = Bench(Path(folder))
        for part in parts:
            late = seconds - (time.monotonic() - began) < part.expected_s
            if late or (part.warm and not bench.has_programs(part.cache)):
                left_out.append(part.name)
                continue
            try:
                found.append(bench.measure(part, cases[part.case]))
            except click.ClickException as failed:  # the others are measured all the same: a GPU may be had for minutes
                found.append({"part": part.name, "failed": failed.message})
            click.echo(json.dumps(found[-1]), err=True)
    return {"parts": found, "failed": [part["part"] for part in found if "failed" in part], "left_out": left_out}


@click.command()
@click.option("--part", "wanted", multiple=True, help="Only parts whose names begin so.  [default: all]")
@click.option("--seconds", default=540.0, show_default=True, type=click.FloatRange(1), help="Begin no part after them.")
@click.option("--smoke", is_flag=True, help="The first three parts with tiny searches.")
def main(wanted: tuple[str, ...], seconds: float, smoke: bool) -> None:
    """Measures searches on a GPU."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    before = facts(smoke) | device()
    parts = [part for part in (SMOKE_PARTS if smoke else PARTS) if part.name.startswith(wanted or "")]
    results = measured(parts, SMOKE_CASES if smoke else CASES, seconds)
    print_report("gpu", before, results)
    if results["failed"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
