"""Holm's correction: a known example, what always holds, and the error that it controls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search.statistics.holm import corrected, levels

P_VALUES = arrays(np.float64, st.integers(1, 8), elements=st.floats(0, 1))


def test_a_known_example() -> None:
    assert corrected(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_one_pair_needs_no_correction() -> None:
    assert corrected(np.array([0.04])).tolist() == [0.04]


@given(p=P_VALUES)
def test_corrected_values_are_no_smaller_and_in_the_same_order(p: np.ndarray) -> None:
    result = corrected(p)
    assert np.all((result >= p) & (result <= 1))
    assert np.all(np.diff(result[np.argsort(p, kind="stable")]) >= 0)


@given(p=P_VALUES)
def test_it_rejects_whatever_bonferroni_does(p: np.ndarray) -> None:
    assert np.all(corrected(p)[p * p.size <= 0.05] <= 0.05)


@given(p=P_VALUES)
def test_each_pair_s_level_leads_to_the_same_rejections(p: np.ndarray) -> None:
    assert np.array_equal(corrected(p) <= 0.05, p <= levels(p, 0.05))


def test_once_two_of_three_are_rejected_the_third_has_the_whole_level() -> None:
    assert levels(np.array([0.001, 0.2, 0.002]), 0.06) == pytest.approx([0.02, 0.06, 0.03])


def test_after_one_stands_no_other_gets_more() -> None:
    assert levels(np.array([0.3, 0.2, 0.001]), 0.06) == pytest.approx([0.03, 0.03, 0.02])


def test_many_comparisons_at_once_give_what_each_gives_alone() -> None:
    p = np.random.default_rng(0).random((6, 4)) / 20
    assert corrected(p).tolist() == [corrected(row).tolist() for row in p]
    assert levels(p, 0.05).tolist() == [levels(row, 0.05).tolist() for row in p]
