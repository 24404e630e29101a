"""Evidence that may be looked at after every replicate: wrong as rarely as said, however one stops."""

import numpy as np
import pytest
from scipy.stats import binomtest

from search.statistics import ArmScores, Verdict, compare
from search.statistics.anytime import fewest_anytime
from search.statistics.eprocess import bets, confidence_sequence, log_wealth, p_above, p_difference, p_equivalence
from search.statistics.race import RaceEnd, plan_anytime_race, race
from search.statistics.race_testing import SCENARIOS, simulate_races
from search.statistics.testing import SHAPES, judge_at_any_time, normal, paired, share, simulate

MARGIN = 0.005
SIMULATIONS = 1_000


def compatible(rate: float, simulations: int = SIMULATIONS) -> bool:
    """Whether such a rate of errors may be chance if the limit is 5 %."""
    return bool(binomtest(round(rate * simulations), simulations, 0.05, alternative="greater").pvalue >= 0.001)


@pytest.mark.parametrize("shape", SHAPES)
def test_stopping_as_soon_as_something_is_claimed_is_wrong_in_at_most_a_twentieth(shape: str) -> None:
    [same] = paired(simulate(SHAPES[shape], [1], replicates=100, effects=(0, 0), simulations=SIMULATIONS))
    [apart] = paired(simulate(SHAPES[shape], [2], replicates=100, effects=(MARGIN, 0), simulations=SIMULATIONS))
    assert compatible(share(p_difference(same, MARGIN).min(axis=-1) <= 0.05))
    assert compatible(share(p_equivalence(apart, MARGIN).min(axis=-1) <= 0.05))
    assert compatible(share(p_difference(apart - MARGIN, MARGIN).min(axis=-1) <= 0.05))


def test_several_pairs_together_are_wrong_as_rarely() -> None:
    scores = simulate(normal, [3], replicates=60, effects=(0, 0, 0), simulations=SIMULATIONS)
    found = judge_at_any_time(scores, 1e-3, (0, 0, 0))
    assert compatible(share(found.higher | found.lower))


def test_large_differences_are_decided_sooner_than_by_planned_looks_and_small_ones_less_often() -> None:
    two, one = (
        judge_at_any_time(
            simulate(normal, [4], replicates=30, effects=(effect, 0), simulations=SIMULATIONS), 0.01, (effect, 0)
        )
        for effect in (0.02, 0.01)
    )
    assert two.replicates.mean() < 10  # planned looks: 15.5
    assert share(two.higher) > 0.99
    assert 0.7 < share(one.higher) < 0.85  # planned looks: 0.91


def test_a_bet_knows_only_the_differences_before_it() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0.01, 0.02, 12)
    changed = values.copy()
    changed[7] = 0.5
    before, after = bets(values, MARGIN), bets(changed, MARGIN)
    assert (before[:8] == after[:8]).all()
    assert (before[8:] > after[8:]).all()


def test_wealth_has_mean_one_over_all_signs() -> None:
    values = np.array([0.01, 0.002, 0.03, 0.007])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T
    bet = bets(np.abs(values), MARGIN)  # bets that don't depend on the signs
    assert np.exp(log_wealth(signs * values, bet)[:, -1]).mean() == pytest.approx(1)


def test_the_confidence_sequence_is_what_the_process_does_not_exclude() -> None:
    values = np.random.default_rng(6).normal(0.012, 0.014, (5, 14))
    for confidence in (0.9, 0.95, 0.99):
        low, high = confidence_sequence(values, MARGIN, confidence)
        wealth = log_wealth(values, bets(values, MARGIN), low).max(axis=-1)
        assert np.exp(wealth) == pytest.approx(2 / (1 - confidence), rel=1e-6)
        assert (low < values.mean(axis=-1)).all()
        assert (values.mean(axis=-1) < high).all()


def test_it_takes_six_replicates_to_exclude_anything() -> None:
    assert (fewest_anytime(1, 0.05), fewest_anytime(3, 0.05)) == (6, 7)
    values = np.full(6, 0.02)
    assert not np.isfinite(confidence_sequence(values[:5], MARGIN, 0.95)).any()
    assert np.isfinite(confidence_sequence(np.full(6, 10.0), MARGIN, 0.95)).all()


def test_p_values_never_grow_and_equal_arms_stay_at_one() -> None:
    p = p_above(np.random.default_rng(7).normal(0, 0.01, (50, 40)), MARGIN)
    assert (np.diff(p, axis=-1) <= 0).all()
    assert (p_difference(np.zeros(20), MARGIN) == 1).all()


def arms(effects: list[float], replicates: int) -> list[ArmScores]:
    [scores] = simulate(normal, [31, 0], replicates=replicates, effects=effects, simulations=1)
    return [ArmScores("abcdefgh"[place], dict(enumerate(map(float, row)))) for place, row in enumerate(scores)]


def test_an_answer_at_any_time_has_intervals_that_agree_with_its_verdicts() -> None:
    answer = compare(arms([0, -0.05, 0], 14), 0.01, anytime=True)
    verdicts = {(pair.first, pair.second): pair for pair in answer.pairs}
    better, same = verdicts["a", "b"], verdicts["a", "c"]
    assert better.verdict is Verdict.BETTER
    assert better.corrected is not None
    assert better.corrected.low > 0
    assert better.interval is not None
    assert better.interval.low > better.corrected.low
    assert same.verdict is Verdict.UNDECIDED
    assert (same.estimate, same.bootstrap) == (None, None)


def test_an_answer_on_few_replicates_decides_nothing_and_has_no_intervals() -> None:
    (pair,) = compare(arms([0, -0.5], 4), 0.01, anytime=True).pairs
    assert (pair.verdict, pair.interval, pair.corrected) == (Verdict.UNDECIDED, None, None)


@pytest.mark.parametrize("name", SCENARIOS)
def test_races_judged_after_every_replicate_seldom_lose_the_best(name: str) -> None:
    ended = simulate_races(name, [32], candidates=4, replicates=12, simulations=200, anytime=True)
    assert compatible(1 - ended.best_left.mean(), 200)
    assert compatible(1 - ended.gain_covers.mean() - 0.02, 200)


def test_an_arm_that_is_far_behind_leaves_as_soon_as_it_can() -> None:
    looks = plan_anytime_race(16, 3)
    assert [(look.replicates, look.level) for look in looks] == [(n, 0.05) for n in range(6, 17)]
    found = race(arms([0, -0.3, 0], 16), looks, 0.01, taken=2, anytime=True)
    assert [leaver.name for leaver in found.leavers] == ["b"]
    assert found.end is None
    ended = race(arms([0, 0, 0], 16), looks, 0.1, taken=len(looks), anytime=True)
    assert ended.end is RaceEnd.EQUIVALENT
