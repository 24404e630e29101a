"""A number that can change while a compiled program stays as it is. Importing this module imports Keras."""

from typing import Any

import keras


class MutableScalar:
    """A number that a program reads each time it runs. Keras doesn't take it for a part of a layer's state."""

    def __init__(self, value: float = 0.0) -> None:
        self.variable: Any = keras.Variable(value, trainable=False, dtype="float32")

    def set(self, value: float) -> None:
        """The value of all steps from now on."""
        self.variable.assign(value)
