"""How often the statistics of a comparison are right, on simulated scores of which the truth is known: JSON.

The tables of docs/statistics.md come from here. `--smoke` takes seconds; all of it takes some minutes of one core.
"""

import json
import platform
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import click
import numpy as np
import scipy
from scipy.stats import DegenerateDataWarning

from search.statistics.eprocess import p_difference, p_equivalence
from search.statistics.intervals import CONFIDENCE, bca, expanded, share_limits, standard_error, student
from search.statistics.looks import Look, plan_looks
from search.statistics.race_testing import SCENARIOS, simulate_races
from search.statistics.scores import FloatArray
from search.statistics.testing import (
    IMAGES,
    SHAPES,
    SPREAD,
    judge,
    judge_at_any_time,
    judge_until_decided,
    near_ceiling,
    normal,
    paired,
    share,
    simulate,
    ties,
    unequal_spreads,
)

Row = dict[str, str | int | float]

MARGIN, LEVEL = 0.005, 0.05
# Candidates and replicates of races.
RACES = ((3, 4), (3, 8), (3, 12), (3, 20), (5, 12), (8, 8), (8, 12))
# Of each permutation test; those for looks reach the level of every look.
RESAMPLES = 499
RESAMPLES_FOR_LOOKS = 1_249
EFFECTS = (0.0, 0.005, 0.01, 0.02)
PLANS = {
    "one look at 30": (Look(30, 0.05),),
    "four looks": plan_looks(8, 30, pairs=1),
    "every 4": plan_looks(8, 30, pairs=1, step=4),
}


@dataclass(frozen=True)
class Size:
    """How many simulations, and with how many replicates."""

    simulations: int
    counts: tuple[int, ...]


def covered(limits: tuple[FloatArray, FloatArray], truth: float) -> float:
    """The share of intervals that hold the truth, up to rounding. A bootstrap of equal values has no limits."""
    low, high = limits
    return float(np.mean((low <= truth + 1e-9) & (truth - 1e-9 <= high)))


def coverage(size: Size) -> Iterator[Row]:
    """95 % intervals of the difference of two arms that don't differ."""
    for name, draw in {**SHAPES, "unequal_spreads": unequal_spreads}.items():
        for n in size.counts:
            [values] = paired(simulate(draw, [1, n], replicates=n, effects=(0, 0), simulations=size.simulations))
            limits = student(values.mean(axis=-1), standard_error(values), n - 1, CONFIDENCE)
            yield {
                "shape": name,
                "n": n,
                "student": covered(limits, 0),
                "bca": covered(bca(values, np.random.default_rng(n), CONFIDENCE, resamples=4_999), 0),
                "bca_expanded": covered(
                    bca(values, np.random.default_rng(n), expanded(CONFIDENCE, n), resamples=4_999), 0
                ),
            }


def coverage_of_arms(size: Size) -> Iterator[Row]:
    """95 % intervals of an arm's own mean, whose scores are skewed: Student's, and that of shares of images."""
    for name, draw, truth in (("near_ceiling", near_ceiling, 60 / 62), ("ties", ties, 0.995), ("normal", normal, 0.9)):
        for n in (4, *size.counts):
            values = simulate(draw, [2, n], replicates=n, effects=(0,), simulations=size.simulations)[:, 0]
            mean, error = values.mean(axis=-1), standard_error(values)
            yield {
                "shape": name,
                "n": n,
                "student": covered(student(mean, error, n - 1, CONFIDENCE), truth),
                "share": covered(share_limits(mean, error, n, IMAGES, CONFIDENCE), truth),
            }


def wrong_differences(size: Size) -> Iterator[Row]:
    """Three arms that don't differ, and three of which one does: the share in which a true null is rejected."""
    for name, draw in {**SHAPES, "unequal_spreads": unequal_spreads}.items():
        for n in size.counts:
            same = simulate(draw, [3, n], replicates=n, effects=(0, 0, 0), simulations=size.simulations)
            other = simulate(draw, [4, n], replicates=n, effects=(0.1, 0, 0), simulations=size.simulations)
            none, one = (judge(scores, MARGIN, resamples=RESAMPLES) for scores in (same, other))
            yield {
                "shape": name,
                "n": n,
                "no_arm_differs": share(none.higher | none.lower),
                "one_arm_differs": share(one.higher[:, 2] | one.lower[:, 2]),
            }


def wrong_equivalences(size: Size) -> Iterator[Row]:
    """Three arms at the margin from each other, as far as three can be, and two: the share called equivalent."""
    for name, draw in SHAPES.items():
        for n in size.counts:
            two, three = (
                judge(
                    simulate(draw, [5, n], replicates=n, effects=effects, simulations=size.simulations),
                    MARGIN,
                    resamples=RESAMPLES,
                )
                for effects in ((MARGIN, 0), (MARGIN, 0, 0))
            )
            yield {
                "shape": name,
                "n": n,
                "two_arms": share(two.equivalent),
                "three_arms": share(three.equivalent[:, :2]),
            }


def until_decided(size: Size) -> Iterator[Row]:
    """Looking several times at two arms that don't differ, and at two that differ by the margin."""
    scores = simulate(normal, [6], replicates=30, effects=(0, 0), simulations=size.simulations)
    # So small a margin that nothing is ever equivalent: the hardest case for wrong differences.
    same = judge_until_decided(scores, 1e-6, PLANS, (0, 0), resamples=RESAMPLES_FOR_LOOKS)
    shifted = simulate(normal, [7], replicates=30, effects=(MARGIN, 0), simulations=size.simulations)
    at_margin = judge_until_decided(shifted, MARGIN, PLANS, (MARGIN, 0), resamples=RESAMPLES_FOR_LOOKS)
    for plan, looks in PLANS.items():
        yield {
            "plan": plan,
            "looks": " ".join(str(look.replicates) for look in looks),
            "wrong_difference": share(same[plan].higher | same[plan].lower),
            "wrong_equivalence": share(at_margin[plan].equivalent),
            "corrected_intervals_cover": 1 - share(~same[plan].corrected_covers),
        }


def power(size: Size) -> Iterator[Row]:
    """Two arms, their differences' standard deviation 1.4 points: the share of each verdict."""
    for effect in EFFECTS:
        for n in size.counts:
            scores = simulate(normal, [8, n], replicates=n, effects=(effect, 0), simulations=size.simulations)
            decision = judge(scores, 2 * MARGIN, resamples=RESAMPLES)
            yield {
                "effect": effect,
                "n": n,
                "better": share(decision.higher),
                "worse": share(decision.lower),
                "equivalent": share(decision.equivalent),
            }


def power_until_decided(size: Size) -> Iterator[Row]:
    """What looking repeatedly costs, and what it saves."""
    for effect in EFFECTS:
        scores = simulate(normal, [9], replicates=30, effects=(effect, 0), simulations=size.simulations // 2)
        stopped = judge_until_decided(scores, 2 * MARGIN, PLANS, (effect, 0), resamples=RESAMPLES_FOR_LOOKS)
        for plan, at_end in stopped.items():
            yield {
                "effect": effect,
                "plan": plan,
                "simulations": size.simulations // 2,
                "better": share(at_end.higher),
                "equivalent": share(at_end.equivalent),
                "mean_replicates": float(at_end.replicates.mean()),
            }


def adversarial_stopping(size: Size) -> Iterator[Row]:
    """Two arms that are looked at after every replicate up to 200, by e-processes: the share of simulations in which
    any look makes a wrong claim, or loses the truth from the confidence sequence.
    """
    for name, draw in SHAPES.items():
        [same] = paired(simulate(draw, [11], replicates=200, effects=(0, 0), simulations=size.simulations))
        apart = (MARGIN, 0)
        [shifted] = paired(simulate(draw, [12], replicates=200, effects=apart, simulations=size.simulations))
        yield {
            "shape": name,
            "wrong_difference": share(p_difference(same, MARGIN)[:, -1] <= LEVEL),
            "wrong_equivalence": share(p_equivalence(shifted, MARGIN)[:, -1] <= LEVEL),
            "truth_lost": share(p_difference(shifted - MARGIN, MARGIN)[:, -1] <= LEVEL),
        }


def power_at_any_time(size: Size) -> Iterator[Row]:
    """What looking after every replicate costs, and what it saves: next to `power_until_decided`."""
    for effect in EFFECTS:
        for most in (30, 60):
            scores = simulate(normal, [9], replicates=most, effects=(effect, 0), simulations=size.simulations)
            at_end = judge_at_any_time(scores, 2 * MARGIN, (effect, 0))
            yield {
                "effect": effect,
                "most": most,
                "better": share(at_end.higher),
                "equivalent": share(at_end.equivalent),
                "mean_replicates": float(at_end.replicates.mean()),
            }


def anytime_races(size: Size) -> Iterator[Row]:
    """Races that are judged after every replicate."""
    yield from races(size, anytime=True)


def races(size: Size, *, anytime: bool = False) -> Iterator[Row]:
    """Races of 3 to 8 candidates: how often the best is lost, what the intervals of the recommended one hold."""
    for name in SCENARIOS:
        for candidates, replicates in RACES:
            if size.simulations < 100 and candidates > 3:  # a smoke run
                continue
            ended = simulate_races(
                name,
                [10, candidates, replicates],
                candidates=candidates,
                replicates=replicates,
                simulations=size.simulations,
                anytime=anytime,
            )
            yield {
                "scenario": name,
                "candidates": candidates,
                "replicates": replicates,
                "best_lost": 1 - share(ended.best_left),
                "candidates_left": float(ended.left.sum(axis=1).mean()),
                "gain_covers": share(ended.gain_covers),
                "score_covers": share(ended.score_covers),
                "trainings": float(ended.trainings.mean()),
                "trainings_without_leaving": (candidates + 1) * replicates,
            }


TABLES = {
    function.__name__: function
    for function in (
        coverage,
        coverage_of_arms,
        wrong_differences,
        wrong_equivalences,
        until_decided,
        power,
        power_until_decided,
        adversarial_stopping,
        power_at_any_time,
        races,
        anytime_races,
    )
}


@click.command()
@click.argument("table", nargs=-1, type=click.Choice(list(TABLES)))
@click.option("--simulations", default=2_000, show_default=True, help="How many of each.")
@click.option("--smoke", is_flag=True, help="Few of each, to see that everything runs.")
def main(table: tuple[str, ...], simulations: int, smoke: bool) -> None:
    """Print as JSON how often the statistics of a comparison are right: all tables, or those that are named."""
    size = Size(20, (5, 8)) if smoke else Size(simulations, (5, 8, 12, 20, 30))
    # A bootstrap of equal values gives no interval, which counts as one that misses.
    warnings.simplefilter("ignore", DegenerateDataWarning)
    np.seterr(invalid="ignore")
    result = {
        "simulations": size.simulations,
        "margin": MARGIN,
        "spread_of_an_arm": SPREAD,
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
        **{name: list(TABLES[name](size)) for name in table or TABLES},
    }
    click.echo(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
