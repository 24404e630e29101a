"""Intervals hold the truth as often as they say, on simulated comparisons in which nothing differs."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from search.statistics.intervals import (
    CONFIDENCE,
    bca,
    bootstrap_interval,
    expanded,
    new_data_interval,
    share_interval,
    share_limits,
    standard_error,
    student,
    student_interval,
)
from search.statistics.scores import FloatArray
from search.statistics.testing import IMAGES, SHAPES, normal, paired, simulate

COUNTS = (5, 8, 12, 20, 30)
ROUNDING = 1e-9


def share_covered(low: FloatArray, high: FloatArray) -> float:
    """The share of intervals that hold 0."""
    return float(np.mean((low <= ROUNDING) & (high >= -ROUNDING)))


def differences_of_equal_arms(shape: str, n: int) -> FloatArray:
    """2,000 comparisons of two arms that don't differ: shape (2000, n)."""
    [values] = paired(simulate(SHAPES[shape], [11, n], replicates=n, effects=(0, 0)))
    return values


@pytest.mark.parametrize(
    ("shape", "n"), [pair for pair in product(SHAPES, COUNTS) if pair[0] != "failing_runs"], ids=str
)
def test_under_no_difference_95_percent_intervals_cover_in_93_to_97_percent(shape: str, n: int) -> None:
    values = differences_of_equal_arms(shape, n)
    low, high = student(values.mean(axis=-1), standard_error(values), n - 1, CONFIDENCE)
    assert 0.93 <= share_covered(low, high) <= 0.97


@pytest.mark.parametrize("n", COUNTS)
def test_with_runs_that_fail_now_and_then_intervals_cover_at_least_as_often_as_they_say(n: int) -> None:
    values = differences_of_equal_arms("failing_runs", n)
    low, high = student(values.mean(axis=-1), standard_error(values), n - 1, CONFIDENCE)
    assert share_covered(low, high) >= 0.93


@pytest.mark.parametrize("n", [4, 8, 20])
@pytest.mark.parametrize(("shape", "truth"), [("near_ceiling", 60 / 62), ("ties", 0.995), ("normal", 0.9)])
def test_the_interval_of_a_mean_of_shares_covers_near_the_ceiling_too(shape: str, truth: float, n: int) -> None:
    values = simulate(SHAPES[shape], [12, n], replicates=n, effects=(0,))[:, 0]
    low, high = share_limits(values.mean(axis=-1), standard_error(values), n, IMAGES, CONFIDENCE)
    assert 0.93 <= share_covered(low - truth, high - truth) <= 0.98
    assert (low >= 0).all()
    assert (high <= 1).all()


@pytest.mark.parametrize("n", [2, 3, 4, 8])
@pytest.mark.parametrize(("images", "truth"), [(50, 0.995), (287, 0.999), (287, 0.995), (2000, 0.9995)])
def test_the_interval_of_nearly_perfect_shares_covers_although_many_are_equal(
    images: int, truth: float, n: int
) -> None:
    values = np.random.default_rng([13, n, images]).binomial(images, truth, (4_000, n)) / images
    low, high = share_limits(values.mean(axis=-1), standard_error(values), n, images, CONFIDENCE)
    assert share_covered(low - truth, high - truth) >= 0.91
    assert (high <= 1).all()


def test_shares_that_are_all_equal_have_wilson_s_interval_and_far_from_0_and_1_it_is_student_s() -> None:
    equal = share_interval(np.ones(4), 287)
    assert equal is not None
    assert (equal.low, equal.high) == pytest.approx(binomtest(4 * 287, 4 * 287).proportion_ci(method="wilson"))
    assert share_interval(np.array([0.9]), 287) is None
    values = np.array([0.48, 0.5, 0.51, 0.52, 0.49])
    share, plain = share_interval(values, 1000), student_interval(values)
    assert share is not None
    assert plain is not None
    assert (share.low, share.high) == pytest.approx((plain.low, plain.high), abs=1e-4)


@pytest.mark.parametrize("n", [8, 12, 20, 30])
def test_the_bootstrap_s_intervals_cover_nearly_as_often_where_they_are_shown(n: int) -> None:
    values = differences_of_equal_arms("normal", n)
    low, high = bca(values, np.random.default_rng(n), expanded(CONFIDENCE, n), resamples=1_999)
    assert 0.93 <= share_covered(low, high) <= 0.97


def test_the_bootstrap_as_it_comes_covers_too_seldom_which_is_why_it_does_not_decide() -> None:
    values = differences_of_equal_arms("normal", 8)
    assert share_covered(*bca(values, np.random.default_rng(8), CONFIDENCE, resamples=1_999)) < 0.91


@pytest.mark.parametrize("n", COUNTS)
def test_an_arm_s_own_interval_covers_its_mean(n: int) -> None:
    scores = simulate(normal, [12, n], replicates=n, effects=(0,))[:, 0]
    low, high = student(scores.mean(axis=-1) - 0.9, standard_error(scores), n - 1, CONFIDENCE)
    assert 0.93 <= share_covered(low, high) <= 0.97


def test_the_interval_of_a_known_sample() -> None:
    # Mean 3, standard deviation sqrt(2.5), n = 5; the 97.5 % quantile of t with 4 degrees of freedom is 2.7764.
    interval = student_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert interval is not None
    assert interval.low == pytest.approx(3 - 2.7764 * np.sqrt(0.5), abs=1e-4)
    assert interval.high == pytest.approx(3 + 2.7764 * np.sqrt(0.5), abs=1e-4)
    assert 0 < interval.low <= 3 <= interval.high


def test_one_value_has_no_interval() -> None:
    assert student_interval(np.array([0.5])) is None


def test_equal_values_have_a_point_and_no_bootstrap() -> None:
    values = np.full(10, 0.25)
    interval = student_interval(values)
    assert interval is not None
    assert interval.low == interval.high == 0.25
    assert bootstrap_interval(values, np.random.default_rng(0)) is None


def test_fewer_than_eight_values_have_no_bootstrap() -> None:
    assert bootstrap_interval(np.arange(7.0), np.random.default_rng(0)) is None


def test_the_bootstrap_leans_the_way_the_values_do() -> None:
    values = np.array([0.0] * 11 + [1.0])
    found = bootstrap_interval(values, np.random.default_rng(0))
    assert found is not None
    assert values.mean() - found.low < found.high - values.mean()


def test_the_bootstrap_repeats_with_its_seed() -> None:
    values = np.random.default_rng(1).normal(size=12)
    assert bootstrap_interval(values, np.random.default_rng(2)) == bootstrap_interval(values, np.random.default_rng(2))


def test_on_new_data_the_plain_interval_covers_too_seldom_and_the_corrected_one_as_it_says() -> None:
    """Each simulated data set has 500 images, on which the arms differ by chance alone; 30 splits test 100 of them."""
    rng = np.random.default_rng(7)
    images, tested, replicates = 500, 100, 30
    plain, corrected = [], []
    for _ in range(300):
        differences = rng.normal(0, 0.2, images)
        splits = np.array([differences[rng.permutation(images)[:tested]].mean() for _ in range(replicates)])
        plain.append(student_interval(splits))
        corrected.append(new_data_interval(splits, tested / (images - tested)))
    covered = [
        np.mean([one is not None and one.low <= 0 <= one.high for one in intervals]) for intervals in (plain, corrected)
    ]
    assert covered[0] < 0.65
    assert covered[1] > 0.85
