"""Which rule of selection and which pruner find the best configuration, by replaying recorded learning curves: JSON.

`record_curves.py` recorded them. Each order is a search of some of the configurations, drawn at random: a rule
selects one of them by a single run of each, and its regret is how much worse that one is than the best of them, by
the mean of the scores of the models that fresh runs keep. Pruners are compared at equal epochs: each searches as many
as it can have for them, and its regret is against the best of all. `--smoke` replays few orders.
"""

import json
import lzma
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np
from machine_facts import machine_facts
from replayed_pruners import PRUNERS, Curve, Rule, Trained, stopped, that_fit, unpruned

from search.statistics.scores import FloatArray

POINT = 0.01
GUESS = 0.1
CURVES = Path(__file__).parent / "curves"
EPOCHS = (60, 100, 140, 180)


def mean_of_last(count: int) -> Rule:
    """The mean of the last epochs, of fewer where a trial has fewer than twice as many."""

    def rule(curve: FloatArray) -> float:
        return float(curve[-max(1, min(count, len(curve) // 2)) :].mean())

    return rule


def last_less_spread(curve: FloatArray) -> float:
    """The last epoch minus the standard deviation of the last four steps."""
    steps = np.diff(curve[-5:])
    return float(curve[-1] - (steps.std(ddof=1) if len(steps) > 1 else 0.0))


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "last epoch": mean_of_last(1),
        "mean of the last 3": mean_of_last(3),
        "mean of the last 5": mean_of_last(5),
        "last less spread": last_less_spread,
        "best epoch": lambda curve: float(curve.max()),
    }
)


@dataclass(frozen=True)
class Pool:
    """Configurations: the curve of a search's run of each, and the mean score of its fresh runs' models."""

    curves: tuple[Curve, ...]
    truth: FloatArray


def read_pool(document: Mapping[str, Any]) -> Pool:
    """The configurations of a recording. A run that diverged counts as guessing from then on."""
    curves = document["curves"]
    kept = document.get("kept") or [[None] * len(configuration) for configuration in curves]
    runs = [
        [as_curve(run, document["epochs"], epoch) for run, epoch in zip(*both, strict=True)]
        for both in zip(curves, kept, strict=True)
    ]
    return Pool(
        tuple(configuration[0] for configuration in runs),
        np.array([np.mean([run.final for run in configuration[1:]]) for configuration in runs]),
    )


def as_curve(values: Sequence[float | None], epochs: int, kept: int | None = None) -> Curve:
    """A run of a search of this many epochs: its scores, which end with None if it diverged."""
    scores = np.array([GUESS if value is None else value for value in values] or [GUESS])
    diverged = not values or values[-1] is None
    return Curve(scores, epochs, diverged, None if diverged else kept)


def select(trained: Sequence[Trained], rule: Rule) -> int:
    """The completed one with the highest value; of equals the first."""
    return int(np.argmax([each.curve.value(rule) if each.complete else -math.inf for each in trained]))


def replay(pool: Pool, orders: int, trials: int, seed: int) -> dict[str, Any]:
    """The regret of each rule, in points, with standard errors over the orders: of trials that all are trained to the
    end, and under halving that judges by the same rule.
    """
    rng = np.random.default_rng(seed)
    regrets: dict[str, list[float]] = {f"{name}, {how}": [] for name in RULES for how in ("full", "asha-stop")}
    for _ in range(orders):
        chosen = rng.permutation(len(pool.curves))[:trials]
        curves, truth = [pool.curves[number] for number in chosen], pool.truth[chosen]
        for name, rule in RULES.items():
            for how, trained in (("full", unpruned(curves, rule)), ("asha-stop", stopped(curves, rule))):
                regrets[f"{name}, {how}"].append(float(truth.max() - truth[select(trained, rule)]) / POINT)
    return {name: mean_and_error(values) for name, values in regrets.items()}


def replay_pruners(pool: Pool, orders: int, epochs: int, seed: int) -> dict[str, Any]:
    """Of each pruner the regret, in points, the difference of its regret from that of `asha-stop` in the same orders,
    and the number of trials, by the mean of the last three epochs.
    """
    rng, rule = np.random.default_rng(seed), RULES["mean of the last 3"]
    regrets: dict[str, list[float]] = {name: [] for name in PRUNERS}
    trials: dict[str, list[float]] = {name: [] for name in PRUNERS}
    for _ in range(orders):
        order = rng.permutation(len(pool.curves))
        curves = [pool.curves[number] for number in order]
        for name, pruner in PRUNERS.items():
            trained = that_fit(curves, rule, pruner, epochs)
            regrets[name].append(float(pool.truth.max() - pool.truth[order[select(trained, rule)]]) / POINT)
            trials[name].append(float(len(trained)))
    return {
        name: {
            "regret": mean_and_error(regrets[name]),
            "less_asha_stop": mean_and_error(np.subtract(regrets[name], regrets["asha-stop"]).tolist()),
            "trials": mean_and_error(trials[name]),
        }
        for name in PRUNERS
    }


def mean_and_error(values: Sequence[float]) -> dict[str, float]:
    """A mean with its standard error."""
    return {
        "mean": round(float(np.mean(values)), 3),
        "standard_error": round(float(np.std(values, ddof=1) / math.sqrt(len(values))), 3),
    }


def read(path: Path) -> dict[str, Any]:
    """A recording."""
    document: dict[str, Any] = json.loads(lzma.decompress(path.read_bytes()))
    return document


@click.command()
@click.argument("recordings", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--orders", default=400, show_default=True)
@click.option("--trials", default=40, show_default=True, help="Of each order.")
@click.option("--seed", default=0, show_default=True)
@click.option("--smoke", is_flag=True, help="Few orders, to see that everything runs.")
def main(*, recordings: tuple[Path, ...], orders: int, trials: int, seed: int, smoke: bool) -> None:
    """Print the regret of each rule and each pruner as JSON: of all recordings here, or those named."""
    if smoke:
        orders = 5
    tables = []
    for path in recordings or sorted(CURVES.glob("*.json.xz")):
        document = read(path)
        about = {name: document[name] for name in ("space", "dataset", "n_train", "n_validation", "epochs")}
        pool = read_pool(document)
        found = {
            "regret": replay(pool, orders, trials, seed),
            "pruners": {str(epochs): replay_pruners(pool, orders, epochs, seed) for epochs in EPOCHS},
        }
        tables.append({**about, "configurations": len(pool.curves), **found})
    click.echo(json.dumps({"orders": orders, "trials": trials, "machine": machine_facts(), "tables": tables}, indent=1))


if __name__ == "__main__":
    main()
