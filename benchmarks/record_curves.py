"""Learning curves of random configurations for `replay.py`: a search's run of each, and fresh runs of the same.

The first run of every configuration is as in a search: one split for all, a seed of its own. Each further one has the
split and the seed of a replicate, which all configurations share. With `--database` the runs are kept there: the same
command continues a recording that was interrupted, and what is trained is recorded. `--only`, `--range` and `--fix`
narrow the space, as in a launch. `--smoke` takes seconds.
"""

import json
import lzma
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import msgspec
import optuna
from machine_facts import machine_facts

from search.commands.narrowing_flags import narrowing_flags
from search.design.arms import document
from search.design.options import StudyFlags
from search.design.plan import ComparisonSetting, study_manifest
from search.design.replicates import order_of
from search.launching.running import run_search
from search.sampling.seeds import derive_seed
from search.study.own_folder import prepare
from search.study.space import configuration_of
from search.trainers.serving import trainer_server
from search.training.jobs.stopping import kept_epoch
from search.workers.join import study_folder
from search.workers.settings import WorkerSettings
from spaces import SpaceSource, resolve
from spaces.arms import ARM
from spaces.epoch_scores import EpochScores
from spaces.narrowing import narrowed, parse_narrowing
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


@dataclass(frozen=True)
class Recorded:
    """The validation accuracies of a run by epoch, which end with None if it diverged. `kept` is the epoch, counted
    from 1, to whose model early stopping went back, None if to none.
    """

    values: list[float | None]
    kept: int | None


def recorded(shared: SharedStudy, comparison: Comparison) -> dict[int, list[Recorded]]:
    """The runs of each configuration, the search's first. Runs that failed or aren't finished are left out, and so are
    configurations without the search's run or a fresh one.
    """
    curves = shared.ledger.curves()
    runs: dict[int, dict[int, Recorded]] = {}
    for slot in shared.ledger.slots():
        if slot.outcome is None or slot.outcome.state not in ("complete", "diverged"):
            continue
        cell = cell_of(comparison, slot.slot)
        rule = configuration_of(comparison.arms[cell.arm].configuration).early_stopping
        curve = curves.get(-1 if slot.trial_number is None else slot.trial_number, [])
        diverged = slot.outcome.state == "diverged"
        run = Recorded(as_recorded(curve, diverged=diverged), None if diverged else kept_epoch(rule, curve))
        runs.setdefault(cell.arm, {})[cell.replicate] = run
    return {
        arm: [found[number] for number in sorted(found)] for arm, found in runs.items() if 0 in found and len(found) > 1
    }


def as_recorded(curve: Sequence[EpochScores], *, diverged: bool) -> list[float | None]:
    """The validation accuracies of a run as they are stored."""
    values = [scores.val_accuracy for scores in curve]
    rounded = [None if value is None or not math.isfinite(value) else round(value, 6) for value in values]
    return [*rounded, None] if diverged else rounded


def record(source: SpaceSource, flags: StudyFlags, configurations: int, runs: int) -> dict[str, Any]:
    """Trains, in a database of its own, and returns what there is to keep."""
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
        found = recorded(shared, comparison)
        return {
            "space": source.space.name,
            "dataset": manifest.dataset,
            "n_train": manifest.n_train,
            "n_validation": manifest.n_validation,
            "validation_share": flags.validation_share,
            "epochs": manifest.epochs,
            "seed": manifest.seed,
            "machine": machine_facts(),
            "params": [comparison.arms[place].params for place in found],
            "curves": [[run.values for run in every] for every in found.values()],
            "kept": [[run.kept for run in every] for every in found.values()],
        }


def part_of(name: str, only: Sequence[str], ranges: Sequence[str], fixed: Sequence[str]) -> SpaceSource:
    """A space, narrowed as the flags say."""
    source = resolve(name)
    return replace(source, space=narrowed(source.space, parse_narrowing(source.space, only, ranges, fixed)))


@click.command()
@click.option("--space", default="optimizer", show_default=True)
@narrowing_flags
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
    *,
    space: str,
    only: tuple[str, ...],
    ranges: tuple[str, ...],
    fixed: tuple[str, ...],
    database: Path | None,
    output: Path,
    configurations: int,
    runs: int,
    smoke: bool,
    **settings: Any,
) -> None:
    """Train random configurations and store their learning curves, compressed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    workers = WorkerSettings(n_workers=settings.pop("n_workers"), data_dir=settings.pop("data_dir"))
    if smoke:
        configurations, runs, settings["epochs"] = 4, 2, 2
    with tempfile.TemporaryDirectory() as folder, trainer_server(wanted=True):
        path = (database or Path(folder) / "curves.db").resolve()
        flags = StudyFlags(storage=f"sqlite:///{path}", workers=workers, **settings)
        found = record(part_of(space, only, ranges, fixed), flags, configurations, runs)
    output.write_bytes(lzma.compress(json.dumps(found, separators=(",", ":")).encode()))
    click.echo(json.dumps({"output": str(output), "bytes": output.stat().st_size}))


if __name__ == "__main__":
    main()
