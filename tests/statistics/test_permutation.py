"""The sign-flip test against sign patterns counted by hand, and its resolution."""

import numpy as np
import pytest

from search.errors import UsageError
from search.statistics.permutation import RESAMPLES, equivalence, fewest_replicates, sign_flip, smallest_p


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_of_eight_patterns_two_are_as_extreme_as_three_differences_of_one_sign() -> None:
    assert sign_flip(np.array([1.0, 2.0, 3.0]), generator()) == 2 / 8


def test_a_difference_against_the_rest_counts_by_its_size() -> None:
    # Of the sums of +-1, +-2, +-3, those of at least 1 + 2 - 3 = 0 in size are all.
    assert sign_flip(np.array([1.0, 2.0, -3.0]), generator()) == 1
    # At least 2 + 3 - 1 = 4 in size: 4, 6, and their negatives.
    assert sign_flip(np.array([-1.0, 2.0, 3.0]), generator()) == 4 / 8


def test_ties_are_no_evidence() -> None:
    assert sign_flip(np.zeros(8), generator()) == 1


def test_many_comparisons_at_once_give_what_each_gives_alone() -> None:
    values = np.random.default_rng(1).normal(size=(5, 9))
    together = sign_flip(values, generator())
    assert together.tolist() == [float(sign_flip(one, generator())) for one in values]


def test_up_to_sixteen_replicates_every_pattern_is_counted_so_that_no_seed_matters() -> None:
    values = np.random.default_rng(1).normal(0.3, 1, 16)
    first, second = (sign_flip(values, np.random.default_rng(seed)) for seed in (1, 2))
    assert first == second
    assert first * 2**16 == pytest.approx(round(float(first) * 2**16))


@pytest.mark.parametrize("n", [2, 5, 8])
def test_the_smallest_p_value_is_reached_when_all_differences_agree(n: int) -> None:
    assert sign_flip(np.arange(1.0, n + 1), generator()) == smallest_p(n)


def test_one_replicate_can_say_nothing_and_many_are_limited_by_the_resamples() -> None:
    assert smallest_p(1) == 1
    assert smallest_p(1_000) == 2 / (RESAMPLES + 1)


def test_equivalence_needs_both_sides() -> None:
    inside, below = np.zeros(8), np.full(8, -0.02)
    assert equivalence(inside, 0.01, generator()) == 1 / 2**8
    assert equivalence(below, 0.01, generator()) == 1


@pytest.mark.parametrize(("arms", "fewest"), [(2, 6), (3, 7), (4, 8), (5, 9)])
def test_how_many_replicates_a_comparison_of_n_arms_needs(arms: int, fewest: int) -> None:
    pairs = arms * (arms - 1) // 2
    assert fewest_replicates(pairs, 0.05) == fewest
    assert smallest_p(fewest) <= 0.05 / pairs < smallest_p(fewest - 1)


def test_a_level_beyond_the_test_s_resolution_is_refused() -> None:
    with pytest.raises(UsageError, match="compare fewer arms, or look at them less often"):
        fewest_replicates(3, 1e-5)
