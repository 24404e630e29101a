"""Estimates of how many replicates would decide: they come true in simulations of what they assume."""

import numpy as np
import pytest

from search.statistics.planning import CAP, Levels, estimate, every_count, plausible_range, replicates_to_decide
from search.statistics.testing import SPREAD, judge, normal, share, simulate

DEVIATION = SPREAD * 2**0.5


def test_as_many_replicates_as_estimated_show_a_difference_with_the_power_that_is_said() -> None:
    found = estimate(0.01, DEVIATION, 0.005, Levels(0.05, 0.05), n=5)
    assert not found.equivalent
    assert found.replicates is not None
    scores = simulate(normal, [41], replicates=found.replicates, effects=(0.01, 0), simulations=1_000)
    assert share(judge(scores, 0.005, resamples=999).higher) == pytest.approx(0.8, abs=0.04)


def test_as_many_replicates_as_estimated_show_equivalence_with_the_power_that_is_said() -> None:
    found = estimate(0.001, DEVIATION, 0.01, Levels(0.05, 0.05), n=5)
    assert found.equivalent
    assert found.replicates is not None
    scores = simulate(normal, [42], replicates=found.replicates, effects=(0.001, 0), simulations=1_000)
    assert share(judge(scores, 0.01, resamples=999).equivalent) == pytest.approx(0.8, abs=0.04)


def test_the_estimate_is_more_than_there_are() -> None:
    found = estimate(0.01, DEVIATION, 0.005, Levels(0.05, 0.05), n=40)
    assert found.replicates == 41


def test_a_stricter_level_needs_more() -> None:
    lenient, strict = (estimate(0.01, DEVIATION, 0.005, Levels(level, level), n=5).replicates for level in (0.05, 0.01))
    assert lenient is not None
    assert strict is not None
    assert lenient < strict


def test_a_difference_just_at_the_margin_with_much_noise_is_beyond_the_cap() -> None:
    found = estimate(0.005, 0.1, 0.005, Levels(0.05, 0.05), n=8)
    assert found.replicates is None
    assert found.cap == CAP


def test_a_difference_without_spread_waits_only_for_the_test_s_resolution() -> None:
    apart = estimate(0.1, 0.0, 0.005, Levels(0.05, 0.05), n=3)
    equal = estimate(0.0, 0.0, 0.005, Levels(0.05, 0.05), n=3)
    assert (apart.replicates, apart.equivalent) == (6, False)
    assert (equal.replicates, equal.equivalent) == (5, True)


def test_the_range_says_how_rough_an_estimate_from_a_pilot_is() -> None:
    few, many = (estimate(0.01, DEVIATION, 0.005, Levels(0.05, 0.05), n=n) for n in (8, 12))
    for found in (few, many):
        assert found.low is not None
        assert found.replicates is not None
        assert found.high is not None
        assert found.low < found.replicates < found.high
    assert few.high is not None
    assert many.high is not None
    assert many.high < few.high


def test_the_range_holds_the_right_number_in_about_four_of_five_pilots() -> None:
    right, _ = replicates_to_decide(0.01, DEVIATION, 0.005, Levels(0.05, 0.05), every_count(1))
    assert right is not None
    rng = np.random.default_rng(0)
    pilots = [rng.normal(0.01, DEVIATION, 8) for _ in range(40)]
    ranges = [
        plausible_range(float(pilot.mean()), float(pilot.std(ddof=1)), 0.005, Levels(0.05, 0.05), n=8)
        for pilot in pilots
    ]
    held = sum((low or CAP) <= right <= (high or CAP) for low, high in ranges)
    assert 28 <= held <= 38
