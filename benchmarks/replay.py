"""Which rule of selection finds the best configuration, by replaying recorded learning curves: JSON.

`record_curves.py` recorded them. Each order is a search of some of the configurations, drawn at random: a rule selects
one of them by a single run of each, and its regret is how much worse that one is than the best of them, by the mean of
the last epochs of fresh runs. `--smoke` replays few orders.
"""

import json
import lzma
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np
from machine_facts import machine_facts

from search.statistics.scores import FloatArray

POINT = 0.01
GUESS = 0.1
CURVES = Path(__file__).parent / "curves"
# As the pruner `asha` of a search: the first rung after a fifth of the epochs, and a third of its trials goes on.
GRACE, REDUCTION = 5, 3

Rule = Callable[[FloatArray], float]


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
    """Configurations: the curve of a search's run of each, and the mean of its fresh runs' last epochs."""

    curves: tuple[FloatArray, ...]
    truth: FloatArray


def read_pool(document: Mapping[str, Any]) -> Pool:
    """The configurations of a recording. A run that diverged counts as guessing from then on."""
    runs = [[as_curve(run) for run in configuration] for configuration in document["curves"]]
    return Pool(
        tuple(configuration[0] for configuration in runs),
        np.array([np.mean([run[-1] for run in configuration[1:]]) for configuration in runs]),
    )


def as_curve(values: Sequence[float | None]) -> FloatArray:
    """A run's scores by epoch."""
    return np.array([GUESS if value is None else value for value in values] or [GUESS])


def rungs(epochs: int) -> list[int]:
    """The epochs after which a trial may be stopped."""
    first = max(1, epochs // GRACE)
    count = int(math.log(epochs / first) / math.log(REDUCTION)) + 1
    return [first * REDUCTION**power for power in range(count) if first * REDUCTION**power < epochs]


def stopped(curves: Sequence[FloatArray], rule: Rule) -> list[FloatArray]:
    """The curves as far as asynchronous halving would train them, one after the other."""
    epochs = max(len(curve) for curve in curves)
    seen: dict[int, list[float]] = {rung: [] for rung in rungs(epochs)}
    kept = list[FloatArray]()
    for curve in curves:
        end = len(curve)
        for rung, values in seen.items():
            if rung >= len(curve):
                break
            value = rule(curve[:rung])
            values.append(value)
            if sum(other > value for other in values) >= max(1, len(values) // REDUCTION):
                end = rung
                break
        kept.append(curve[:end])
    return kept


def select(curves: Sequence[FloatArray], rule: Rule) -> int:
    """The completed one with the highest value; of equals the first."""
    longest = max(len(curve) for curve in curves)
    values = [rule(curve) if len(curve) == longest else -math.inf for curve in curves]
    return int(np.argmax(values))


def replay(pool: Pool, orders: int, trials: int, seed: int) -> dict[str, Any]:
    """The regret of each rule, in points, with standard errors over the orders: of trials that all are trained to the
    end, and under halving that judges by the same rule.
    """
    rng = np.random.default_rng(seed)
    regrets: dict[str, list[float]] = {f"{name}, {how}": [] for name in RULES for how in ("full", "asha")}
    for _ in range(orders):
        chosen = rng.permutation(len(pool.curves))[:trials]
        curves, truth = [pool.curves[number] for number in chosen], pool.truth[chosen]
        for name, rule in RULES.items():
            for how, trained in (("full", curves), ("asha", stopped(curves, rule))):
                regrets[f"{name}, {how}"].append(float(truth.max() - truth[select(trained, rule)]) / POINT)
    return {name: mean_and_error(values) for name, values in regrets.items()}


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
    """Print the regret of each rule as JSON: of all recordings of this folder, or those that are named."""
    if smoke:
        orders = 5
    tables = []
    for path in recordings or sorted(CURVES.glob("*.json.xz")):
        document = read(path)
        about = {name: document[name] for name in ("space", "dataset", "n_train", "n_validation", "epochs")}
        pool = read_pool(document)
        tables.append({**about, "configurations": len(pool.curves), "regret": replay(pool, orders, trials, seed)})
    click.echo(json.dumps({"orders": orders, "trials": trials, "machine": machine_facts(), "tables": tables}, indent=1))


if __name__ == "__main__":
    main()
