"""How the memory of one trainer grows over hundreds of trials: JSON.

    python benchmarks/memory.py             300 trials of each kind: a quarter of an hour
    python benchmarks/memory.py --smoke

A worker replaces its trainer when it outgrows `--trainer-memory`; this shows how far a trainer is from that.
"""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
from report import facts, print_report

from search.trainers.process import TrainerProcess
from search.trainers.protocol import DataSource, Failed, Train, Trained
from spaces import Configuration, load_space
from spaces.configuration import BATCH_NORM_POSITIONS, BatchNorm, Dropout, Optimizer
from spaces.trials import random_trial

SPACE = "bn_dropout"
LIMIT_MB = 100
WARM_UP = 10  # trials after which a trainer has loaded all that it ever loads


Trial = tuple[Configuration, int]  # with its split's seed


def one_structure(rng: np.random.Generator) -> Iterator[Trial]:
    """Configurations that one program trains."""
    while True:
        dropout, optimizer = Dropout("before_every_dense", rng.uniform(0.1, 0.6)), Optimizer("adam", 1e-3)
        yield Configuration(batch_norm=BatchNorm("before_activation"), dropout=(dropout,), optimizer=optimizer), 0


def drawn(rng: np.random.Generator) -> Iterator[Trial]:
    """Configurations as a random search proposes them."""
    while True:
        yield load_space(SPACE).suggest(random_trial(int(rng.integers(2**32)))), 0


def replicates(_rng: np.random.Generator) -> Iterator[Trial]:
    """The arms of a comparison, each replicate on a split of its own."""
    for replicate in count():
        for position in BATCH_NORM_POSITIONS:
            yield Configuration(batch_norm=BatchNorm(position)), replicate


KINDS = {"one structure": one_structure, "drawn from the space": drawn, "replicates of three arms": replicates}


def measure(kind: str, trials: int, epochs: int) -> dict[str, Any]:
    """Trains configurations one after another, and notes the trainer's resident MB after each."""
    wanted = KINDS[kind](np.random.default_rng(0))
    after: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="memory-") as folder,
        TrainerProcess(Path(folder) / "trainer.log", {"SEARCH_THREADS": "1"}) as trainer,
    ):
        trainer.wait_ready(180)
        for number, trial in zip(range(trials), wanted, strict=False):
            train(trainer, job(number, trial, epochs, Path(folder)))
            after.append(round(trainer.memory_mb(), 1))
            click.echo(f"\r{kind}: {number + 1} trials, {after[-1]:.0f} MB", err=True, nl=False)
    click.echo(err=True)
    warm = after[min(WARM_UP, trials // 2) :]
    grown = max(warm) - warm[0]
    return {"trials": trials, "epochs": epochs, "mb": after, "grown_mb": round(grown, 1), "flat": grown <= LIMIT_MB}


def job(number: int, trial: Trial, epochs: int, folder: Path) -> Train:
    configuration, split_seed = trial
    return Train(
        job=number,
        configuration=configuration,
        space=SPACE,
        data=DataSource("digits"),
        epochs=epochs,
        batch_size=64,
        seed=number,
        split_seed=split_seed,
        token=1,
        checkpoints=str(folder / str(number)),
        model_path=str(folder / "model.keras"),
    )


def train(trainer: TrainerProcess, job: Train) -> None:
    trainer.send(job)
    while not isinstance(message := trainer.receive(600), Trained):
        if message is None or isinstance(message, Failed):
            raise click.ClickException(f"trial {job.job}: {message and msgspec.json.encode(message).decode()}")


@click.command()
@click.option("--trials", default=300, show_default=True, type=click.IntRange(2))
@click.option("--epochs", default=2, show_default=True, type=click.IntRange(1))
@click.option("--smoke", is_flag=True, help="A few trials.")
def main(trials: int, epochs: int, smoke: bool) -> None:
    """Measures what hundreds of trials leave behind in a trainer."""
    before = facts(smoke)
    trials, epochs = (3, 1) if smoke else (trials, epochs)
    print_report("memory", before, {kind: measure(kind, trials, epochs) for kind in KINDS})


if __name__ == "__main__":
    main()
