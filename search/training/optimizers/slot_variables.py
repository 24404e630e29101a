"""The vectors of state that optimizers share. Importing this module imports Keras."""

import keras

from search.training.backends.protocol import Tensor, Variable


class SlotVariables:
    """Variables that several optimizers, of which only one is at work at a time, keep their state in."""

    def __init__(self) -> None:
        self.variables: list[Variable] = []

    def slot(self, number: int, like: Tensor) -> Variable:
        """The variable of that number, counted from 0; created as zeros of this tensor's shape if there is none yet."""
        if number == len(self.variables):
            zeros = keras.ops.zeros(like.shape, like.dtype)
            self.variables.append(keras.Variable(zeros, trainable=False))
        return self.variables[number]
