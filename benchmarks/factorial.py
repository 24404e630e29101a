"""A screening against a full factorial of the same settings: JSON.

`search.explain` trains a fraction of the configurations and says what each setting does. Here all of them are trained,
on replicates of their own, in a database that keeps them: the same command continues. `--smoke` takes seconds.
"""

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
import optuna
from machine_facts import machine_facts

from search.design.ablation_plan import every_cell, row_of
from search.design.arms import design_of, without_shared_early_stopping
from search.design.base import BaseParameters, baseline_base
from search.design.cells import parse_levels, screening_cells
from search.design.options import POINT, StudyFlags
from search.design.plan import ComparisonSetting, study_manifest
from search.design.replicates import order_of
from search.design.scores import gather_scores
from search.launching.running import run_search
from search.statistics.intervals import student_interval
from search.statistics.scores import FloatArray, IntArray
from search.statistics.screening import fold_over, screen
from search.study.own_folder import prepare
from search.trainers.serving import trainer_server
from search.workers.join import study_folder
from search.workers.settings import WorkerSettings
from spaces import SpaceSource, resolve
from storage import create_study
from storage.comparison import Comparison, Kind, PlannedLook, TwoLevels

MARGIN = 0.5 * POINT


def trained(
    flags: StudyFlags, source: SpaceSource, kind: Kind, settings: tuple[TwoLevels, ...], base: BaseParameters
) -> FloatArray:
    """The scores of all configurations, or of a screening's, by replicate, NaN where a training failed."""
    cells = every_cell if kind == "comparison" else screening_cells
    bare = study_manifest(flags, ComparisonSetting(source, str(flags.dataset), kind), None)
    comparison = Comparison(
        kind=kind,
        question="",
        arms=tuple(map(design_of, without_shared_early_stopping(cells(source.space, settings, (base,))))),
        margin=MARGIN,
        looks=(PlannedLook(flags.wanted_seeds, 0.05),),
        settings=settings,
    )
    manifest = msgspec.structs.replace(bare, comparison=comparison)
    with create_study(flags.storage, kind, manifest) as shared:
        prepare(study_folder(shared, None), manifest)
        slots = comparison.slots_of(flags.wanted_seeds)
        shared.ledger.order_up_to(slots, lambda slot: order_of(shared.manifest, comparison, slot))
        run_search(shared, flags.storage, flags.workers, quiet=False)
        scores = gather_scores(manifest, comparison, shared.ledger.slots(), flags.wanted_seeds)
    rows = [[arm.scores.get(number, np.nan) for arm in scores.arms] for number in range(flags.wanted_seeds)]
    return np.array(rows, dtype=np.float64)


def factorial_effects(scores: FloatArray, levels: IntArray) -> list[dict[str, Any]]:
    """High minus low of each setting, in points, over all configurations of the replicates that have all of them."""
    complete = scores[~np.isnan(scores).any(axis=1)]
    contrasts = complete @ levels * 2 / len(levels) / POINT
    found = []
    for column in contrasts.T:
        interval = student_interval(column)
        found.append({"n": len(column), "effect": float(column.mean()), "interval": interval and asdict(interval)})
    return found


@click.command()
@click.option("--space", default="bn_dropout", show_default=True)
@click.option("--dataset", default="digits", show_default=True)
@click.option("--base", default="baseline:dropout", show_default=True)
@click.option("--levels", multiple=True, default=("optimizer=adam,rmsprop", "learning_rate=0.0005,0.003",
    "batch_norm=none,after_activation", "dropout_rate=0.2,0.5"), show_default=True)  # fmt: skip
@click.option("--replicates", default=20, show_default=True, help="Of the factorial.")
@click.option("--screening-replicates", default=12, show_default=True)
@click.option("--epochs", default=10, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--n-workers", type=int)
@click.option("--database", type=click.Path(path_type=Path), help="Where to keep the runs.  [default: nowhere]")
@click.option("--smoke", is_flag=True, help="Few of each, to see that everything runs.")
def main(*, space: str, dataset: str, base: str, levels: tuple[str, ...], database: Path | None, **given: Any) -> None:
    """Print what each setting does, by a full factorial and by a screening, as JSON."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if given["smoke"]:
        levels, given = levels[:2], {**given, "replicates": 2, "screening_replicates": 2, "epochs": 1}
    source = resolve(space)
    settings = tuple(parse_levels(source.space, levels).values())
    start = baseline_base(source.space, base)
    with tempfile.TemporaryDirectory() as folder, trainer_server(wanted=True):
        storage = f"sqlite:///{(database or Path(folder) / 'factorial.db').resolve()}"
        workers = WorkerSettings(n_workers=given["n_workers"])
        flags = StudyFlags(storage=storage, dataset=dataset, workers=workers, epochs=given["epochs"])
        sizes: tuple[tuple[Kind, int], ...] = (
            ("screening", given["screening_replicates"]),
            ("comparison", given["replicates"]),
        )
        both = {
            kind: trained(replace(flags, seed=given["seed"], seeds=seeds), source, kind, settings, start)
            for kind, seeds in sizes
        }
    names = [one.name for one in settings]
    screened = screen(both["screening"], names, MARGIN)
    rows = np.array([row_of(number, len(names)) for number in range(1 << len(names))])
    full = factorial_effects(both["comparison"], rows)
    click.echo(json.dumps({
        "space": space, "dataset": dataset, "base": base, "levels": levels, "epochs": given["epochs"],
        "machine": machine_facts(),
        "settings": [
            {"name": name, "factorial": whole, "screening": {
                "n": one.n, "effect": one.effect / POINT, "verdict": one.verdict.value,
                "interval": [one.interval.low / POINT, one.interval.high / POINT]}}
            for name, whole, one in zip(names, full, screened.effects, strict=True)
        ],
        "configurations": {"screening": fold_over(len(names)).tolist(), "factorial": rows.tolist()},
        "scores": {kind: scores.tolist() for kind, scores in both.items()},
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
