"""Keras' own layers, with settings that are variables of a program where Keras has constants.

They give the results of Keras' to the last bit. Their settings are no state of a model: a model that is saved doesn't
have them, and has layers of Keras alone. Importing this module imports Keras.
"""

import keras

from search.training.backends.protocol import Tensor, Variable
from search.training.optimizers.mutable_scalar import MutableScalar

ANY_RATE = 0.5  # above 0, so that the layer makes its state


class TunableDropout(keras.layers.Dropout):  # type: ignore[misc]  # Keras has no types
    """Dropout whose rate, in (0, 1), can be changed between steps."""

    def __init__(self) -> None:
        super().__init__(ANY_RATE)
        self._least = MutableScalar()
        self._scale = MutableScalar()

    @property
    def scalars(self) -> list[MutableScalar]:
        """Its settings."""
        return [self._least, self._scale]

    def set_rate(self, rate: float) -> None:
        """The share of units that is dropped from now on."""
        self._least.set(rate)
        self._scale.set(1 / (1 - rate))

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Drops units, and scales up the others, in training only."""
        if not training:
            return inputs
        ops = keras.ops
        drawn = keras.random.uniform(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
        kept = drawn >= ops.cast(self._least.variable, inputs.dtype)
        scaled = inputs * ops.cast(self._scale.variable, inputs.dtype)
        return ops.where(kept, scaled, ops.zeros((), inputs.dtype))


class TunableBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # Keras has no types
    """Batch normalization whose momentum can be changed between steps."""

    def __init__(self) -> None:
        self._momentum = MutableScalar()
        super().__init__()

    @property
    def scalars(self) -> list[MutableScalar]:
        """Its settings."""
        return [self._momentum]

    @property
    def momentum(self) -> Variable:
        """That of the moving averages."""
        return self._momentum.variable

    @momentum.setter
    def momentum(self, value: float) -> None:
        self._momentum.set(value)


class TunablePenalty(keras.regularizers.Regularizer):  # type: ignore[misc]  # Keras has no types
    """A penalty on a kernel whose sizes can be changed between steps; those that are 0 at first stay so."""

    def __init__(self, l1: float, l2: float) -> None:
        self._l1, self._l2 = (MutableScalar(size) if size else None for size in (l1, l2))

    def set(self, l1: float, l2: float) -> None:
        """The sizes of all steps from now on."""
        for scalar, size in ((self._l1, l1), (self._l2, l2)):
            if scalar is not None:
                scalar.set(size)

    @property
    def scalars(self) -> list[MutableScalar]:
        """The sizes that aren't 0."""
        return [scalar for scalar in (self._l1, self._l2) if scalar is not None]

    def __call__(self, kernel: Tensor) -> Tensor:
        """Keras' own rule, in its order."""
        ops = keras.ops
        penalty = ops.convert_to_tensor(0.0, dtype=kernel.dtype)
        if self._l1 is not None:
            penalty += ops.cast(self._l1.variable, kernel.dtype) * ops.sum(ops.absolute(kernel))
        if self._l2 is not None:
            penalty += ops.cast(self._l2.variable, kernel.dtype) * ops.sum(ops.square(kernel))
        return penalty
