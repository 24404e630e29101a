"""Layers that programs have in common: each is built once, for all programs that it's a part of.

A program is a sequence of layers, and those of a space differ in few of them. Importing this module imports Keras.
"""

from collections.abc import Iterator
from typing import Any, assert_never

import keras

from search.training.backends.protocol import Backend, Tensor, Variable
from search.training.models.building import InputSpec, bn_momentum, keras_layer
from search.training.shared_programs.tunable_layers import (
    TunableBatchNormalization,
    TunableDropout,
    TunablePenalty,
    UnfoldedConvolution,
)
from spaces.layers import Activate, Conv, Dense, Drop, Flatten, Layer, MaxPool, Normalize, Output

Shape = tuple[int, ...]

# What these do is traced once. Others have few operations, and calling them takes as many, in each step.
MANY_OPERATIONS = (TunableBatchNormalization, TunableDropout)


class SharedLayer:
    """A layer of Keras for outputs of `shape`, (height, width, channels) or (units,), of the layer before it.

    All that a program has to set is set again for each training, so that it's no matter who used the layer before.
    """

    def __init__(self, layer: Layer, shape: Shape, spec: InputSpec, backend: Backend) -> None:
        self._spec, self.backend = spec, backend
        self.keras = _tunable_layer(layer, spec, backend)
        self.keras.build((None, *shape))
        self.shape: Shape = tuple(self.keras.compute_output_shape((None, *shape)))[1:]
        self.trainable: list[Variable] = list(self.keras.trainable_variables)
        self.variables: list[Variable] = list(self.keras.variables)
        self.first_values = [variable.numpy() for variable in self.variables]
        if isinstance(self.keras, MANY_OPERATIONS):
            self._train, self._infer = backend.differentiable(self._training), backend.traced(self._inference)
        else:
            self._train, self._infer = self._training, self._inference
        self._has_penalty = isinstance(getattr(self.keras, "kernel_regularizer", None), TunablePenalty)
        self._penalty = backend.differentiable(self._penalty_of)

    def __call__(self, weights: list[Tensor], inputs: Tensor, *, training: bool) -> Tensor:
        """The outputs of the layer with these in place of its trainable variables, each in one dimension. In
        training its state goes on. For use in a program.
        """
        return (self._train if training else self._infer)(weights, inputs)

    def penalties(self, weights: list[Tensor]) -> list[Tensor]:
        """Those of these weights, one at most; for use in a program."""
        return [self._penalty(weights)] if self._has_penalty else []

    @property
    def state(self) -> list[Variable]:
        """The variables that training assigns: moving averages, and the states of random generators."""
        return list(self.keras.non_trainable_variables)

    @property
    def settings(self) -> list[Variable]:
        """The variables that `tune` assigns."""
        tunable = self.keras.kernel_regularizer if self._has_penalty else self.keras
        return [scalar.variable for scalar in getattr(tunable, "scalars", ())]

    def tune(self, layer: Layer | None) -> None:
        """Takes the numbers of a configuration's layer; None only where the layer is optional."""
        match layer:
            case None:
                raise ValueError(f"no configuration lacks this {type(self.keras).__name__}")
            case Drop(rate):
                if rate > 0:
                    self.keras.set_rate(rate)
            case Normalize():
                self.keras.momentum = bn_momentum(layer, self._spec.steps_per_epoch)
            case Conv(l1=l1, l2=l2) | Dense(l1=l1, l2=l2) | Output(l1=l1, l2=l2):
                if self._has_penalty:
                    self.keras.kernel_regularizer.set(l1, l2)
            case Activate() | MaxPool() | Flatten():
                pass
            case _:
                assert_never(layer)

    def random_values(self) -> Iterator[tuple[Variable, Any]]:
        """The variables that are random at first, with values that are drawn as a new layer draws them."""
        layer = self.keras
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            initializer = type(layer.kernel_initializer)()
            yield layer.kernel, initializer(layer.kernel.shape, layer.kernel.dtype)
        if isinstance(layer, TunableDropout):
            yield layer.seed_generator.state, keras.random.SeedGenerator().state.numpy()

    @property
    def size(self) -> int:
        """The bytes of its variables and their first values."""
        return 2 * sum(int(value.nbytes) for value in self.first_values)

    def _training(self, weights: list[Tensor], inputs: Tensor) -> Tensor:
        with self._scope(weights) as scope:
            outputs = self.keras(inputs, training=True)
        for variable in self.state:
            if (value := scope.get_current_value(variable)) is not None:
                variable.assign(value)
        return outputs

    def _inference(self, weights: list[Tensor], inputs: Tensor) -> Tensor:
        with self._scope(weights):
            return self.keras(inputs, training=False)

    def _penalty_of(self, weights: list[Tensor]) -> Tensor:
        with self._scope(weights):
            (penalty,) = self.keras.losses
        return penalty

    def _scope(self, weights: list[Tensor]) -> Any:
        shaped = [keras.ops.reshape(flat, of.shape) for of, flat in zip(self.trainable, weights, strict=True)]
        return self.backend.scope(list(zip(self.trainable, shaped, strict=True)))


def _tunable_layer(layer: Layer, spec: InputSpec, backend: Backend) -> Any:
    """The layer of Keras, with settings that can be changed where programs change them."""
    match layer:
        case Drop(rate):
            return TunableDropout(backend) if rate > 0 else keras_layer(layer, spec)
        case Normalize():
            return TunableBatchNormalization()
        case Conv(filters, kernel, padding) if backend.unfolds_convolutions:
            return _penalized(UnfoldedConvolution(filters, kernel, padding=padding), layer)
        case Conv() | Dense() | Output():
            return _penalized(keras_layer(layer, spec), layer)
        case Activate() | MaxPool() | Flatten():
            return keras_layer(layer, spec)
        case _:
            assert_never(layer)


def _penalized(with_kernel: Any, layer: Conv | Dense | Output) -> Any:
    if layer.l1 or layer.l2:
        with_kernel.kernel_regularizer = TunablePenalty(layer.l1, layer.l2)
    return with_kernel
