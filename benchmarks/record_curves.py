"""Learning curves of random configurations for `replay.py`: a search's run of each, and fresh runs of the same.

The first run of every configuration is as in a search: one split for all, a seed of its own. Each further one has the
split and the seed of a replicate, which all configurations share. With `--database` the runs are kept there: the same
command continues a recording that was interrupted, and what is trained is recorded. `--smoke` takes seconds.
"""

import json
import lzma
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import optuna
from machine_facts import machine_facts

from search.design.arms import document
from search.design.options import StudyFlags
from search.design.plan import ComparisonSetting, study_manifest
from search.design.replicates import order_of
from search.launching.running import run_search
from search.sampling.seeds import derive_seed
from search.study.own_folder import prepare
from search.trainers.serving import trainer_server
from search.workers.join import study_folder
from search.workers.settings import WorkerSettings
from spaces import SpaceSource, resolve
from spaces.arms import ARM
from spaces.trials import random_trial
from storage import Manifest, SharedStudy, create_study
from storage.comparison import ArmDesign, Comparison, DesignCell, PlannedLook
from storage.records import SlotOrder


def drawn_arms(source: SpaceSource, count: int, seed: int) -> Iterator[ArmDesign]:
    """Configurations of a space, drawn at random."""
    for number in range(count):
        trial = random_trial(derive_seed(seed, number))
        configuration = source.space.suggest(trial)
        yield ArmDesign(f"{number}", document(configuration), dict(trial.params))


def cell_of(comparison: Comparison, slot: int) -> DesignCell:
    """What a slot is: they go configuration by configuration, whose program is then compiled once for all its runs."""
    return DesignCell(*divmod(slot, comparison.last_look.replicates))


def order(manifest: Manifest, comparison: Comparison, slot: int) -> SlotOrder:
    """A slot as a search has it, for the first run of a configuration, else as a comparison has it."""
    cell = cell_of(comparison, slot)
    if cell.replicate:
        return order_of(manifest, comparison, comparison.slot(cell))
    return SlotOrder(seed=derive_seed(manifest.seed, cell.arm), params={ARM: comparison.arms[cell.arm].name})


def recorded(shared: SharedStudy, comparison: Comparison) -> list[list[list[float | None]]]:
    """The validation accuracies by configuration, run and epoch. A run that diverged ends with None; one that isn't
    finished is left out, and so is a configuration without a fresh run.
    """
    curves = {trial: [one.val_accuracy for one in curve] for trial, curve in shared.ledger.curves().items()}
    runs: list[list[list[float | None]]] = [[] for _ in comparison.arms]
    for slot in shared.ledger.slots():
        if slot.outcome is None:
            continue
        curve = curves.get(-1 if slot.trial_number is None else slot.trial_number, [])
        diverged = slot.outcome.state == "diverged"
        values = [None if value is None or not math.isfinite(value) else round(value, 6) for value in curve]
        runs[cell_of(comparison, slot.slot).arm].append([*values, None] if diverged else values)
    return runs


def record(name: str, flags: StudyFlags, configurations: int, runs: int) -> dict[str, Any]:
    """Trains, in a database of its own, and returns what there is to keep."""
    source = resolve(name)
    setting = ComparisonSetting(source, str(flags.dataset), "curves")
    bare = study_manifest(flags, setting, None)
    comparison = Comparison(
        question="",
        arms=tuple(drawn_arms(source, configurations, bare.seed)),
        margin=0.005,
        looks=(PlannedLook(runs, 0.05),),
    )
    manifest = msgspec.structs.replace(bare, comparison=comparison)
    with create_study(flags.storage, "curves", manifest) as shared:
        prepare(study_folder(shared, None), manifest)
        slots = comparison.slots_of(runs)
        shared.ledger.order_up_to(slots, lambda slot: order(manifest, comparison, slot))
        run_search(shared, flags.storage, flags.workers, quiet=False)
        curves = {place: found for place, found in enumerate(recorded(shared, comparison)) if len(found) > 1}
        return {
            "space": name,
            "dataset": manifest.dataset,
            "n_train": manifest.n_train,
            "n_validation": manifest.n_validation,
            "validation_share": flags.validation_share,
            "epochs": manifest.epochs,
            "seed": manifest.seed,
            "machine": machine_facts(),
            "params": [comparison.arms[place].params for place in curves],
            "curves": list(curves.values()),
        }


@click.command()
@click.option("--space", default="optimizer", show_default=True)
@click.option("--dataset", default="digits", show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path))
@click.option("--limit-train", type=int)
@click.option("--validation-share", type=float)
@click.option("--epochs", default=12, show_default=True)
@click.option("--batch-size", type=int)
@click.option("--configurations", default=60, show_default=True)
@click.option("--runs", default=3, show_default=True, help="Of each configuration: a search's one, and fresh ones.")
@click.option("--seed", default=0, show_default=True)
@click.option("--n-workers", type=int)
@click.option("--database", type=click.Path(path_type=Path), help="Where to keep the runs.  [default: nowhere]")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("curves.json.xz"), show_default=True)
@click.option("--smoke", is_flag=True, help="Few of each, to see that everything runs.")
def main(
    *, space: str, database: Path | None, output: Path, configurations: int, runs: int, smoke: bool, **settings: Any
) -> None:
    """Train random configurations and store their learning curves, compressed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    workers = WorkerSettings(n_workers=settings.pop("n_workers"), data_dir=settings.pop("data_dir"))
    if smoke:
        configurations, runs, settings["epochs"] = 4, 2, 2
    with tempfile.TemporaryDirectory() as folder, trainer_server(wanted=True):
        path = (database or Path(folder) / "curves.db").resolve()
        flags = StudyFlags(storage=f"sqlite:///{path}", workers=workers, **settings)
        found = record(space, flags, configurations, runs)
    output.write_bytes(lzma.compress(json.dumps(found, separators=(",", ":")).encode()))
    click.echo(json.dumps({"output": str(output), "bytes": output.stat().st_size}))


if __name__ == "__main__":
    main()
