"""Accuracies are shares of whole images, in single precision: differences that tie as images tie in the tests."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.statistics import ArmScores, compare
from search.statistics.comparing import pair_up

IMAGES = 287


def arm(name: str, right: Sequence[int], images: int = IMAGES) -> ArmScores:
    """An arm of which this many images were right in each replicate, as Keras gives accuracies."""
    return ArmScores(name, {n: float(np.float32(k) / np.float32(images)) for n, k in enumerate(right)}, images)


def counted(differences: Sequence[int]) -> float:
    """The two-sided p-value of the sign-flip test, every pattern counted in whole numbers."""
    observed = abs(sum(differences))
    patterns = list(itertools.product((1, -1), repeat=len(differences)))
    sums = [sum(sign * value for sign, value in zip(signs, differences, strict=True)) for signs in patterns]
    return sum(abs(total) >= observed for total in sums) / len(patterns)


@given(st.lists(st.tuples(st.integers(270, IMAGES), st.integers(270, IMAGES)), min_size=2, max_size=8))
def test_the_p_value_is_that_of_counting_images(pairs: list[tuple[int, int]]) -> None:
    first, second = (arm(name, [pair[place] for pair in pairs]) for place, name in enumerate(("first", "second")))
    found = pair_up(first, second, 0.005, np.random.default_rng(0)).evidence.p_difference
    assert float(found) == pytest.approx(counted([one - other for one, other in pairs]), abs=1e-12)


def test_the_published_comparison_of_orders_on_cifar10() -> None:
    differences = [125, -63, 75, 305, 75, 137, -12]
    first, second = arm("first", [1_000 + one for one in differences], 2_000), arm("second", [1_000] * 7, 2_000)
    assert compare([first, second], margin=0.005).pairs[0].p == 0.09375


def test_guessing_that_is_no_whole_number_of_images_keeps_its_score() -> None:
    guessed = ArmScores("guessed", {0: 0.1, 1: 0.1}, IMAGES)
    pair = compare([arm("first", [280, 280]), guessed], margin=0.005).pairs[0]
    assert pair.difference == pytest.approx(280 / IMAGES - 0.1)


def test_losses_are_taken_as_they_are() -> None:
    first, second = ArmScores("first", {0: 0.25, 1: 0.5, 2: 0.125}), ArmScores("second", {0: 0.5, 1: 0.25, 2: 0.25})
    pair = compare([first, second], margin=0.005).pairs[0]
    assert pair.p == counted([-2, 2, -1])
