"""The trainable weights of a model one after another in a vector. Importing this module imports Keras."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


class Vector:
    """How float32 weights of several shapes lie in a vector: one after another, and zeros after them."""

    def __init__(self, weights: Sequence[Any]) -> None:
        self._shapes = [tuple(weight.shape) for weight in weights]
        self._ends = np.cumsum([np.prod(shape, dtype=int) for shape in self._shapes]).tolist()
        self.length = length_for(self._ends[-1])
        self._rest = np.zeros(self.length - self._ends[-1], np.float32)

    def parts(self, vector: Any) -> list[Any]:
        """The weights as tensors of one dimension; for use in a program."""
        parts: list[Any] = keras.ops.split(vector, self._ends)
        return parts[:-1]

    def join(self, parts: Sequence[Any]) -> Any:
        """The vector of the weights as tensors of one dimension; for use in a program."""
        return keras.ops.concatenate([*parts, self._rest])

    def cut(self, vector: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The arrays of the weights' shapes in a vector."""
        parts = np.split(vector, self._ends)[:-1]
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def joined(self, arrays: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The vector of arrays that have the weights' shapes."""
        return np.concatenate([*(array.reshape(-1) for array in arrays), self._rest])


def length_for(weights: int) -> int:
    """That of a vector for so many weights: at most a sixteenth above, and one of few, so that models share it."""
    unit = 1 << max(0, weights.bit_length() - 5)
    return unit * -(-weights // unit)
