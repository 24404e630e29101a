"""Estimates of how many replicates would decide: they come true in simulations of what they assume."""

import pytest

from search.comparison.planning import CAP, replicates_to_decide
from search.comparison.testing import SPREAD, judge, normal, share, simulate

DEVIATION = SPREAD * 2**0.5


def test_as_many_replicates_as_estimated_show_a_difference_with_the_power_that_is_said() -> None:
    estimate = replicates_to_decide(0.01, DEVIATION, 0.005, difference_level=0.05, equivalence_level=0.05, n=5)
    assert not estimate.equivalent
    assert estimate.replicates is not None
    scores = simulate(normal, [41], replicates=estimate.replicates, effects=(0.01, 0), simulations=1_000)
    assert share(judge(scores, 0.005, resamples=999).higher) == pytest.approx(0.8, abs=0.04)


def test_as_many_replicates_as_estimated_show_equivalence_with_the_power_that_is_said() -> None:
    estimate = replicates_to_decide(0.001, DEVIATION, 0.01, difference_level=0.05, equivalence_level=0.05, n=5)
    assert estimate.equivalent
    assert estimate.replicates is not None
    scores = simulate(normal, [42], replicates=estimate.replicates, effects=(0.001, 0), simulations=1_000)
    assert share(judge(scores, 0.01, resamples=999).equivalent) == pytest.approx(0.8, abs=0.04)


def test_the_estimate_is_more_than_there_are() -> None:
    estimate = replicates_to_decide(0.01, DEVIATION, 0.005, difference_level=0.05, equivalence_level=0.05, n=40)
    assert estimate.replicates == 41


def test_a_stricter_level_needs_more() -> None:
    lenient, strict = (
        replicates_to_decide(0.01, DEVIATION, 0.005, difference_level=level, equivalence_level=level, n=5).replicates
        for level in (0.05, 0.01)
    )
    assert lenient is not None
    assert strict is not None
    assert lenient < strict


def test_a_difference_just_at_the_margin_with_much_noise_is_beyond_the_cap() -> None:
    estimate = replicates_to_decide(0.005, 0.1, 0.005, difference_level=0.05, equivalence_level=0.05, n=8)
    assert estimate.replicates is None
    assert estimate.cap == CAP


def test_a_difference_without_spread_waits_only_for_the_test_s_resolution() -> None:
    apart = replicates_to_decide(0.1, 0.0, 0.005, difference_level=0.05, equivalence_level=0.05, n=3)
    equal = replicates_to_decide(0.0, 0.0, 0.005, difference_level=0.05, equivalence_level=0.05, n=3)
    assert (apart.replicates, apart.equivalent) == (6, False)
    assert (equal.replicates, equal.equivalent) == (5, True)
