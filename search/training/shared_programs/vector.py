"""The trainable weights of a model one after another in a vector. Importing this module imports Keras."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.training.backends.protocol import Tensor, Variable

Floats = NDArray[np.float32]


class WeightVector:
    """How float32 weights of several shapes lie in a vector: one after another, and zeros after them."""

    def __init__(self, weights: Sequence[Variable]) -> None:
        self._shapes = [tuple(weight.shape) for weight in weights]
        self._ends = np.cumsum([np.prod(shape, dtype=int) for shape in self._shapes]).tolist()
        self.length = length_for(self._ends[-1])
        self._padding = np.zeros(self.length - self._ends[-1], np.float32)

    def split(self, vector: Tensor) -> list[Tensor]:
        """The weights as tensors of one dimension; for use in a program."""
        parts: list[Tensor] = keras.ops.split(vector, self._ends)
        return parts[:-1]

    def concatenate(self, parts: Sequence[Tensor]) -> Tensor:
        """The vector of the weights as tensors of one dimension; for use in a program."""
        return keras.ops.concatenate([*parts, self._padding])

    def unflatten(self, vector: Floats) -> list[Floats]:
        """The arrays of the weights' shapes in a vector."""
        parts = np.split(vector, self._ends)[:-1]
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def flatten(self, arrays: Sequence[NDArray[Any]]) -> Floats:
        """The vector of arrays that have the weights' shapes."""
        return np.concatenate([*(array.reshape(-1) for array in arrays), self._padding])


class ActiveWeights:
    """Some of a vector's weights, as if it had no others."""

    def __init__(self, vector: WeightVector, active: Sequence[bool]) -> None:
        self._vector, self._active = vector, active

    def unflatten(self, vector: Floats) -> list[Floats]:
        """Their arrays in a vector of all."""
        return [part for part, active in zip(self._vector.unflatten(vector), self._active, strict=True) if active]

    def flatten(self, arrays: Sequence[NDArray[Any]]) -> Floats:
        """The vector of all, of these arrays and of zeros for the other weights."""
        given, zeros = iter(arrays), self._vector.unflatten(np.zeros(self._vector.length, np.float32))
        return self._vector.flatten(
            [next(given) if active else zero for active, zero in zip(self._active, zeros, strict=True)]
        )


def length_for(weights: int) -> int:
    """The length of a vector for this many weights: at most a sixteenth more, from a small set of lengths, so
    that models share it.
    """
    unit = 1 << max(0, weights.bit_length() - 5)
    return unit * -(-weights // unit)
