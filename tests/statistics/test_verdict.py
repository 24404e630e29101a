"""Verdicts on simulated comparisons: seldom wrong, and the more often right the more there is to see."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import binomtest

from search.statistics.scores import FloatArray
from search.statistics.testing import SHAPES, judge, normal, share, simulate
from search.statistics.verdict import Decision

SIMULATIONS = 2_000
MARGIN = 0.005
LARGE = 0.1


@cache
def judged(
    shape: str, n: int, effects: tuple[float, ...], margin: float = MARGIN, simulations: int = SIMULATIONS
) -> Decision:
    """What is claimed of arms with these effects, in each simulation."""
    scores = simulate(SHAPES[shape], [21, n, len(effects)], replicates=n, effects=effects, simulations=simulations)
    return judge(scores, margin, resamples=499)


def significantly_above(rate: float, limit: float) -> bool:
    """Whether this many wrong claims can't be chance, if the limit holds."""
    return bool(binomtest(round(rate * SIMULATIONS), SIMULATIONS, limit, alternative="greater").pvalue < 0.01)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [5, 8, 20])
def test_of_three_equal_arms_any_is_called_better_in_at_most_5_percent(shape: str, n: int) -> None:
    decision = judged(shape, n, (0, 0, 0))
    assert share(decision.higher | decision.lower) <= 0.05


@pytest.mark.parametrize("shape", SHAPES)
def test_of_two_equal_arms_one_is_called_better_in_at_most_5_percent_but_for_chance(shape: str) -> None:
    decision = judged(shape, 12, (0, 0), 1e-6)
    assert not significantly_above(share(decision.higher | decision.lower), 0.05)


@pytest.mark.parametrize("shape", ["normal", "near_ceiling"])
def test_an_arm_that_differs_leaves_the_other_two_protected(shape: str) -> None:
    decision = judged(shape, 8, (LARGE, 0, 0), 1e-6)
    assert decision.higher[:, :2].mean() > 0.95
    assert not significantly_above(share(decision.higher[:, 2] | decision.lower[:, 2]), 0.05)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [8, 20])
def test_arms_that_differ_by_the_margin_are_called_equivalent_in_at_most_5_percent(shape: str, n: int) -> None:
    assert not significantly_above(share(judged(shape, n, (MARGIN, 0)).equivalent), 0.05)


def test_so_are_any_of_three() -> None:
    assert share(judged("normal", 12, (2 * MARGIN, MARGIN, 0), MARGIN).equivalent) <= 0.05


def test_five_replicates_never_tell_arms_apart() -> None:
    decision = judged("normal", 5, (LARGE, 0), simulations=200)
    assert not (decision.higher | decision.lower).any()


def test_power_grows_with_the_replicates() -> None:
    rates = [share(judged("normal", n, (0.01, 0), simulations=1_000).higher) for n in (6, 8, 12, 20, 30)]
    assert rates == sorted(rates)
    assert rates[0] < 0.4
    assert rates[-1] > 0.9


def test_power_grows_with_the_effect() -> None:
    rates = [share(judged("normal", 12, (effect, 0), simulations=1_000).higher) for effect in (0, 0.005, 0.01, 0.02)]
    assert rates == sorted(rates)
    assert rates[-1] > 0.95


def test_power_is_near_that_of_the_t_test() -> None:
    # Noncentral t: standard deviation of the differences 0.01 sqrt(2), effect 0.01, n = 12, two-sided at 0.05: 0.608.
    assert share(judged("normal", 12, (0.01, 0), simulations=1_000).higher) == pytest.approx(0.608, abs=0.06)


def test_equivalence_is_seen_the_more_often_the_more_replicates_there_are() -> None:
    rates = [share(judged("normal", n, (0, 0), 0.01, simulations=1_000).equivalent) for n in (5, 8, 12, 20, 30)]
    assert rates == sorted(rates)
    assert rates[-1] > 0.9


def test_a_sure_difference_below_the_margin_is_equivalence() -> None:
    decision = judge(alternating(0.001), 0.005)
    assert decision.p_difference[0, 0] <= 0.05
    assert decision.low[0, 0] > 0
    assert decision.equivalent[0, 0]
    assert not decision.higher[0, 0]


def test_a_sure_difference_around_the_margin_is_a_difference() -> None:
    decision = judge(alternating(0.005), 0.005)
    assert decision.higher[0, 0]
    assert not decision.equivalent[0, 0]


def test_at_most_one_thing_is_said_of_a_pair() -> None:
    decision = judge(simulate(normal, [22], replicates=12, effects=(0.01, 0, 0), simulations=300), 0.01)
    said = decision.higher.astype(int) + decision.lower + decision.equivalent
    assert set(np.unique(said)) == {0, 1}


def test_corrected_intervals_are_no_narrower_than_those_of_a_pair_alone() -> None:
    scores = simulate(normal, [23], replicates=10, effects=(0, 0, 0), simulations=50)
    several, alone = judge(scores, MARGIN), judge(scores[:, :2], MARGIN)
    assert np.all(several.low[:, 0] <= alone.low[:, 0])
    assert np.all(several.high[:, 0] >= alone.high[:, 0])


def alternating(difference: float) -> FloatArray:
    """One comparison of two arms on 12 replicates: the first is this much higher, give or take 0.0002."""
    first = 0.9 + difference + np.tile([0.0002, -0.0002], 6)
    return np.stack([first, np.full(12, 0.9)])[np.newaxis]
