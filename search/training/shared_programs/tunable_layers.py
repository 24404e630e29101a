"""Keras' own layers, with settings that are variables of a program where Keras has constants.

They give the results of Keras' to the last bit. Their settings are no state of a model: a model that is saved doesn't
have them, and has layers of Keras alone. Importing this module imports Keras.
"""

import keras

from search.training.backends.protocol import Backend, Tensor, Variable
from search.training.optimizers.mutable_scalar import MutableScalar

ANY_RATE = 0.5  # above 0, so that the layer makes its state


class TunableDropout(keras.layers.Dropout):  # type: ignore[misc]  # Keras has no types
    """Dropout whose rate, in (0, 1), can be changed between steps."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(ANY_RATE)
        self._backend = backend
        self._numbers = MutableScalar(), MutableScalar()

    @property
    def scalars(self) -> list[MutableScalar]:
        """Its settings."""
        return list(self._numbers)

    def set_rate(self, rate: float) -> None:
        """The share of units that is dropped from now on."""
        for scalar, number in zip(self._numbers, self._backend.dropout_numbers(rate), strict=True):
            scalar.set(number)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Drops units, and scales up the others, in training only."""
        if not training:
            return inputs
        ops = keras.ops
        drawn = keras.random.uniform(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
        first, second = (ops.cast(scalar.variable, inputs.dtype) for scalar in self._numbers)
        return self._backend.dropped(inputs, drawn, (first, second))


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


class UnfoldedConvolution(keras.layers.Conv2D):  # type: ignore[misc]  # Keras has no types
    """A convolution of stride 1 as one product of matrices: each pixel's neighborhood times the kernel."""

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """See Keras."""
        ops = keras.ops
        rows, columns, channels, filters = kernel.shape
        if self.padding == "same":
            sides = [((size - 1) // 2, size // 2) for size in (rows, columns)]
            inputs = ops.pad(inputs, [(0, 0), *sides, (0, 0)])
        height, width = inputs.shape[1] - rows + 1, inputs.shape[2] - columns + 1
        shifted = [
            inputs[:, row : row + height, column : column + width] for row in range(rows) for column in range(columns)
        ]
        neighborhoods = ops.concatenate(shifted, axis=-1)
        return ops.matmul(neighborhoods, ops.reshape(kernel, (rows * columns * channels, filters)))


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
