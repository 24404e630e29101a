"""Races: an arm shown worse leaves, the best hardly ever does, and what is said of the rest covers the truth."""

import numpy as np
import pytest
from scipy.stats import binomtest

from search.errors import UsageError
from search.statistics import ArmScores
from search.statistics.race import Race, RaceEnd, plan_race, race
from search.statistics.race_testing import SCENARIOS, simulate_races
from search.statistics.testing import normal, simulate

MARGIN = 0.005
SIMULATIONS = 200


def arms(effects: list[float], replicates: int, *, seed: int = 0) -> list[ArmScores]:
    """One arm for each effect, called a, b, c, …"""
    [scores] = simulate(normal, [31, seed], replicates=replicates, effects=effects, simulations=1)
    return [ArmScores("abcdefgh"[place], dict(enumerate(map(float, row)))) for place, row in enumerate(scores)]


def at_end(scores: list[ArmScores], replicates: int, margin: float = MARGIN, *, maximize: bool = True) -> Race:
    """The race when all looks that it needs are taken."""
    looks = plan_race(replicates, len(scores))
    for taken in range(1, len(looks) + 1):
        found = race(scores, looks, margin, taken=taken, maximize=maximize)
        if found.end is not None:
            return found
    raise AssertionError("a race ends with its last look")


def compatible(rate: float, limit: float) -> bool:
    """Whether such a rate of errors may be chance if the limit holds."""
    count = round(rate * SIMULATIONS)
    return bool(binomtest(count, SIMULATIONS, limit, alternative="greater").pvalue >= 0.01)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_best_is_seldom_lost_and_the_gain_of_the_recommended_one_is_covered(name: str) -> None:
    ended = simulate_races(name, [32], candidates=4, replicates=10, simulations=SIMULATIONS)
    assert compatible(1 - ended.best_left.mean(), 0.05)
    assert compatible(1 - ended.gain_covers.mean(), 0.06)
    assert ended.left.any(axis=1).all()


def test_more_leave_the_larger_the_differences_and_trainings_are_saved() -> None:
    counts, saved = [], []
    for name in ("equal", "one_better", "ladder"):
        ended = simulate_races(name, [33], candidates=4, replicates=12, simulations=SIMULATIONS)
        counts.append(ended.left.sum(axis=1).mean())
        saved.append(5 * 12 - ended.trainings.mean())
    assert counts[0] > 3.8 > counts[1] > counts[2]
    assert saved[0] < saved[1] < saved[2]


def test_an_arm_that_is_far_behind_leaves_and_the_race_ends_when_one_is_left() -> None:
    ended = at_end(arms([0, -0.1, -0.2], 16), 16)
    assert ended.left == ("a",)
    assert ended.end is RaceEnd.ONE_LEFT
    assert ended.replicates < 16
    assert {leaver.name: leaver.rival for leaver in ended.leavers} == {"b": "a", "c": "a"}
    assert all(0 < leaver.p <= leaver.level < 0.05 for leaver in ended.leavers)


def test_of_losses_the_lowest_is_the_best() -> None:
    assert at_end(arms([0, 0.1, 0.2], 16), 16, maximize=False).left == ("a",)


def test_arms_that_hardly_differ_end_it_as_equivalent() -> None:
    ended = at_end(arms([0, 0, 0], 16), 16, margin=0.05)
    assert ended.end is RaceEnd.EQUIVALENT
    assert ended.left == ("a", "b", "c")
    assert ended.replicates < 16


def test_it_ends_undecided_when_all_planned_replicates_are_there() -> None:
    ended = at_end(arms([0, -0.001, 0.001], 5), 5)
    assert ended == Race(("a", "b", "c"), (), 5, RaceEnd.SPENT)


def test_a_look_sees_only_the_replicates_that_it_was_planned_for() -> None:
    scores = arms([0, -0.1, -0.002], 16)
    looks = plan_race(16, 3)
    first = [ArmScores(arm.name, {n: arm.scores[n] for n in range(looks[0].replicates)}) for arm in scores]
    assert race(first, looks, MARGIN, taken=1) == race(scores, looks, MARGIN, taken=1)


def test_a_replicate_that_an_arm_lacks_is_left_out_of_its_pairs() -> None:
    scores = arms([0, -0.1], 16)
    lacking = ArmScores("b", {n: score for n, score in scores[1].scores.items() if n not in (0, 3)})
    ended = at_end([scores[0], lacking], 16)
    assert ended.left == ("a",)


def test_the_levels_add_up_to_the_race_s_and_looks_that_can_t_decide_are_left_out() -> None:
    for replicates in range(4, 60):
        looks = plan_race(replicates, 5)
        assert sum(look.level for look in looks) == pytest.approx(0.05)
        assert looks[-1].replicates == replicates
        assert all(2.0**-look.replicates <= look.level / 4 for look in looks[:-1])


def test_four_replicates_show_no_arm_worse() -> None:
    [look] = plan_race(4, 3)
    assert look.replicates == 4
    assert look.level == pytest.approx(0.05)
    assert at_end(arms([0, -0.1, -0.2], 4), 4).left == ("a", "b", "c")


def test_ties_and_equal_arms_show_nothing() -> None:
    same = dict.fromkeys(range(12), 0.9)
    ended = at_end([ArmScores(name, same) for name in "abc"], 12)
    assert ended.left == ("a", "b", "c")
    assert ended.end is RaceEnd.EQUIVALENT


@pytest.mark.parametrize(("replicates", "count"), [(3, 3), (8, 1)])
def test_too_small_a_race_is_refused(replicates: int, count: int) -> None:
    with pytest.raises(UsageError, match="two arms and 4 replicates"):
        plan_race(replicates, count)


def test_a_margin_of_0_is_refused() -> None:
    with pytest.raises(UsageError, match="positive"):
        race(arms([0, 0], 4), plan_race(4, 2), 0.0, taken=1)


def test_the_same_scores_give_the_same_race() -> None:
    scores = arms([0, -0.004, -0.008, -0.1], 24, seed=3)
    assert at_end(scores, 24) == at_end(scores, 24)
    assert np.all(simulate_races("ladder", [34], candidates=3, replicates=6, simulations=20).left.any(axis=1))
