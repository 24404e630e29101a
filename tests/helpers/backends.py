"""The backend of this process's Keras, and how far its `fit` and our compiled programs may differ."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from search.training.backends.process import BACKEND, TENSORFLOW

NAME = os.environ.get(BACKEND, TENSORFLOW)
# TensorFlow computes an operation in the same way wherever it occurs. XLA compiles a program as a whole, and adds up in
# an order of that program's own.
ROUNDING = 0.0 if NAME == TENSORFLOW else 1e-5


def as_fit(scores: Iterable[Sequence[Any]]) -> list[Any]:
    """What is equal to these scores of `fit`, epoch by epoch: to the last bit where the backend allows it."""
    return [pytest.approx(tuple(epoch), abs=ROUNDING, rel=0) for epoch in scores]


def differing_from_fit(found: Sequence[Any], by_fit: Sequence[Any]) -> list[int]:
    """The numbers of the arrays of state that aren't those of `fit`: to the last bit where the backend allows it."""
    pairs = enumerate(zip(found, by_fit, strict=True))
    return [number for number, (one, other) in pairs if one.dtype != other.dtype or not near(one, other)]


def near(one: Any, other: Any) -> bool:
    """Whether two arrays, integers or logits of a kind, are equal but for rounding."""
    if one.shape != other.shape:
        return False
    if ROUNDING == 0 or not np.issubdtype(one.dtype, np.floating):
        return np.array_equal(one, other)
    return bool(np.all(np.abs(one.astype(np.float64) - other.astype(np.float64)) <= ROUNDING))
