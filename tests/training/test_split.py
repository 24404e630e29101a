"""The split of training images into those for training and those for validation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.datasets import DataError, DataSet, load_dataset
from search.datasets.arrays import RawArrays, dataset_of
from search.training.data.split import split


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load_dataset("digits")


def numbered(labels: list[int]) -> DataSet:
    """A data set whose images show their own numbers, so that each can be told from the others."""
    x = np.arange(1, len(labels) + 1, dtype=np.float32).reshape(-1, 1, 1, 1)
    y = np.array(labels)
    return dataset_of("numbered", RawArrays(x, y, x[:1], y[:1]))


@given(
    counts=st.lists(st.integers(2, 30), min_size=2, max_size=5),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_every_image_is_on_exactly_one_side_and_every_class_on_both(
    counts: list[int], fraction: float, seed: int
) -> None:
    data = numbered([label for label, count in enumerate(counts) for _ in range(count)])
    parts = split(data, fraction, seed)
    assert sorted([*parts.x_train.ravel(), *parts.x_val.ravel()]) == list(range(1, sum(counts) + 1))
    assert set(parts.y_train) == set(parts.y_val) == set(range(len(counts)))


def test_classes_keep_their_proportions(digits: DataSet) -> None:
    parts = split(digits, 0.2, seed=1)
    assert np.allclose(np.bincount(parts.y_val) / np.bincount(digits.y_train), 0.2, atol=0.005)


def test_the_same_seed_gives_the_same_split(digits: DataSet) -> None:
    assert np.array_equal(split(digits, 0.2, seed=1).x_val, split(digits, 0.2, seed=1).x_val)


def test_another_seed_gives_another_split_and_the_same_test_images(digits: DataSet) -> None:
    one, other = split(digits, 0.2, seed=1), split(digits, 0.2, seed=2)
    assert not np.array_equal(one.x_val, other.x_val)
    assert np.array_equal(one.x_test, other.x_test)


def test_pixels_are_scaled_to_one(digits: DataSet) -> None:
    parts = split(digits, 0.2, seed=1)
    scaled = parts.scaled(parts.x_train)
    assert scaled.dtype == np.float32
    assert (scaled.min(), scaled.max()) == (0, 1)


@given(limit=st.integers(20, 1437), seed=st.integers(0, 100))
def test_a_limit_keeps_exactly_that_many_training_images_of_all_classes(digits: DataSet, limit: int, seed: int) -> None:
    parts = split(digits, 0.2, seed, limit)
    assert len(parts.y_train) + len(parts.y_val) == limit
    assert len(set(parts.y_train)) == len(set(parts.y_val)) == 10


def test_a_limit_above_the_number_of_images_keeps_all(digits: DataSet) -> None:
    parts = split(digits, 0.2, 1, limit_train=10**9)
    assert len(parts.y_train) + len(parts.y_val) == len(digits.y_train)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_a_fraction_outside_of_0_and_1_is_refused(digits: DataSet, fraction: float) -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        split(digits, fraction, seed=1)


def test_a_limit_that_leaves_a_class_out_is_refused(digits: DataSet) -> None:
    with pytest.raises(DataError, match="20 or more"):
        split(digits, 0.2, 1, limit_train=19)
