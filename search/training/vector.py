"""The trainable weights of a model as one vector. Importing this module imports Keras."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


class Vector:
    """Holds float32 weights of several shapes one after another."""

    def __init__(self, weights: Sequence[Any]) -> None:
        self._shapes = [tuple(weight.shape) for weight in weights]
        self._ends = np.cumsum([np.prod(shape, dtype=int) for shape in self._shapes]).tolist()
        self.variable = keras.Variable(np.zeros(self._ends[-1], np.float32), name="weights")

    @property
    def size(self) -> int:
        """In bytes."""
        return 4 * int(self._ends[-1])

    def parts(self) -> list[Any]:
        """The weights as tensors of their shapes; for use in a program."""
        parts = keras.ops.split(self.variable.value, self._ends[:-1])
        return [keras.ops.reshape(part, shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def join(self, parts: Sequence[Any]) -> Any:
        """One vector of tensors that have the weights' shapes; for use in a program."""
        return keras.ops.concatenate([keras.ops.reshape(part, (-1,)) for part in parts])

    def cut(self, vector: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The arrays of the weights' shapes that a vector consists of."""
        parts = np.split(vector, self._ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def values(self) -> list[NDArray[np.float32]]:
        """The weights' values."""
        return self.cut(self.variable.numpy())

    def assign(self, values: Sequence[Any]) -> None:
        """Gives all weights new values."""
        self.variable.assign(np.concatenate([np.asarray(value).reshape(-1) for value in values]))
