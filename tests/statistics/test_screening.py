"""Screening designs: what they tell apart, and how often their claims are wrong."""

import math
from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import UsageError
from search.statistics import Verdict
from search.statistics.intervals import standard_error, student
from search.statistics.scores import FloatArray
from search.statistics.screening import (
    ScreeningAnswer,
    base_design,
    fold_over,
    interaction_terms,
    screen,
    weigh_by_student,
)
from search.statistics.testing import SHAPES, simulate
from search.statistics.verdict import decide

MARGIN = 0.005
NAMES = "abcdefghijkl"


def cell_means(effects: tuple[float, ...], interactions: Mapping[tuple[int, int], float] | None = None) -> FloatArray:
    """The expected score of each configuration."""
    levels = fold_over(len(effects))
    means = 0.8 + levels @ np.array(effects) / 2
    for (one, other), size in (interactions or {}).items():
        means += levels[:, one] * levels[:, other] * size / 2
    return np.asarray(means)


def found(answer: ScreeningAnswer) -> dict[str, float]:
    return {effect.name: effect.effect for effect in answer.effects}


@pytest.mark.parametrize("settings", range(2, 13))
def test_settings_are_told_apart_from_each_other_and_from_interactions_of_two(settings: int) -> None:
    levels = fold_over(settings)
    assert np.array_equal(levels.T @ levels, len(levels) * np.eye(settings))
    assert len({tuple(row) for row in levels}) == len(levels)
    for one, other in combinations(range(settings), 2):
        assert not (levels.T @ (levels[:, one] * levels[:, other])).any()


def test_a_design_has_as_few_configurations_as_tell_its_settings_apart() -> None:
    assert [len(fold_over(settings)) for settings in (2, 3, 4, 5, 8, 9, 12)] == [4, 8, 8, 16, 16, 24, 24]


@pytest.mark.parametrize("settings", [1, 13])
def test_fewer_than_two_settings_and_more_than_twelve_are_refused(settings: int) -> None:
    with pytest.raises(UsageError, match="a screening takes 2 to 12"):
        fold_over(settings)


@given(
    effects=st.lists(st.floats(-0.1, 0.1), min_size=2, max_size=12),
    interaction=st.floats(-0.1, 0.1),
    which=st.sampled_from(range(4)),
)
def test_without_noise_the_effects_are_those_that_were_planted(
    effects: list[float], interaction: float, which: int
) -> None:
    pairs = list(combinations(range(len(effects)), 2))
    means = cell_means(tuple(effects), {pairs[which % len(pairs)]: interaction})
    answer = screen(np.tile(means, (3, 1)), NAMES[: len(effects)], MARGIN)
    assert list(found(answer).values()) == pytest.approx(effects, abs=1e-9)
    one, other = pairs[which % len(pairs)]
    sums = [
        share * interaction - effect.effect
        for effect in answer.interactions
        for share, names in effect.terms
        if names == (NAMES[one], NAMES[other])
    ]
    assert sums
    assert sums == pytest.approx([0.0] * len(sums), abs=1e-9)


def test_every_interaction_is_in_some_sum() -> None:
    for settings in range(2, 13):
        terms = interaction_terms(base_design(settings), NAMES[:settings]).values()
        assert {names for term in terms for _, names in term} == set(combinations(NAMES[:settings], 2))


def test_an_effect_is_estimated_without_bias_where_a_cell_is_missing() -> None:
    scores = np.tile(cell_means((0.03, 0.0, -0.02, 0.0, 0.0), {(1, 2): 0.04}), (4, 1))
    scores[1, 5] = math.nan
    answer = screen(scores, NAMES[:5], MARGIN)
    assert list(found(answer).values()) == pytest.approx([0.03, 0, -0.02, 0, 0], abs=1e-9)
    assert answer.left_out == ()
    assert {effect.n for effect in answer.effects} == {4}
    assert {effect.n for effect in answer.interactions} == {3}


def test_a_replicate_that_lacks_too_much_is_left_out_and_a_screening_that_does_has_no_effects() -> None:
    scores = np.tile(cell_means((0.03, 0.0, -0.02, 0.0, 0.0)), (6, 1))
    scores[2, :8] = math.nan
    answer = screen(scores, NAMES[:5], MARGIN)
    assert answer.left_out == (2,)
    assert {effect.n for effect in answer.effects} == {5}
    scores[4:] = math.nan
    nothing = screen(scores, NAMES[:5], MARGIN)
    assert nothing.effects == ()
    assert nothing.missing == pytest.approx((8 + 32) / 96)
    assert not nothing.decided


def test_a_loss_that_goes_up_is_worse() -> None:
    noise = np.random.default_rng(0).normal(0, 0.001, (6, 4))
    scores = cell_means((0.05, 0.0)) + noise
    assert screen(scores, "ab", MARGIN).effects[0].verdict is Verdict.BETTER
    assert screen(scores, "ab", MARGIN, maximize=False).effects[0].verdict is Verdict.WORSE
    assert screen(scores, "ab", MARGIN).effects[1].verdict is Verdict.EQUIVALENT


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("settings", "replicates"), [(2, 24), (4, 6), (7, 4), (7, 6), (11, 6)])
def test_claims_are_seldom_wrong_even_with_an_interaction(shape: str, settings: int, replicates: int) -> None:
    """At most 5 % of screenings claim something false: of 2,000, this many more may by chance."""
    effects = np.array([MARGIN, *[0.0] * (settings - 1)])
    means = cell_means(tuple(effects), {(0, 1): 0.02}) - 0.8
    scores = simulate(SHAPES[shape], [7], replicates=replicates, effects=tuple(means), simulations=2_000)
    half = scores.shape[1] // 2
    odd = (scores[:, :half] - scores[:, half:]) / 2
    values = np.einsum("rs,nrk->snk", base_design(settings)[:, :settings], odd) * 2 / half
    decision = decide([weigh_by_student(one, MARGIN) for one in values], MARGIN, 0.05)
    differs = decision.higher | decision.lower
    allowed = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2_000)
    assert (differs & (effects == 0)).any(axis=-1).mean() <= allowed
    assert (decision.equivalent & (effects >= MARGIN)).any(axis=-1).mean() <= allowed
    low, high = student(values.mean(axis=-1), standard_error(values), replicates - 1, 0.95)
    covered = ((effects >= low.T) & (effects <= high.T)).mean()
    assert 0.93 <= covered <= 0.98
