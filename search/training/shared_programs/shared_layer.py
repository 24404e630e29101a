"""Layers that programs have in common: each is built once, for all structures that it's a part of.

A structure is a sequence of layers, and those of a space differ in few of them. Importing this module imports Keras.
"""

from collections.abc import Iterator
from typing import Any

import keras

from search.training.backends.device import differentiable, subprogram
from search.training.models.building import Setting, bn_momentum, keras_layer
from search.training.shared_programs.tunable import TunableBatchNormalization, TunableDropout, TunablePenalty
from spaces.layers import Conv, Dense, Drop, Layer, Normalize, Output

Shape = tuple[int, ...]

# What these do is traced once. Others have few operations, and calling them takes as many, in each step.
MANY_OPERATIONS = (TunableBatchNormalization, TunableDropout)


class SharedLayer:
    """A layer of Keras for outputs of `shape`, (height, width, channels) or (units,), of the layer before it.

    All that a program has to set is set anew for each training, so that it's no matter who used the layer before.
    """

    def __init__(self, layer: Layer, shape: Shape, setting: Setting) -> None:
        self._setting = setting
        self.keras = _tunable_layer(layer, setting)
        self.keras.build((None, *shape))
        self.shape: Shape = tuple(self.keras.compute_output_shape((None, *shape)))[1:]
        self.trainable = list(self.keras.trainable_variables)
        self.variables = list(self.keras.variables)
        self.first_values = [variable.numpy() for variable in self.variables]
        if isinstance(self.keras, MANY_OPERATIONS):
            self._train, self._infer = differentiable(self._training), subprogram(self._inference)
        else:
            self._train, self._infer = self._training, self._inference
        self._has_penalty = isinstance(getattr(self.keras, "kernel_regularizer", None), TunablePenalty)
        self._penalty = differentiable(self._penalized)

    def __call__(self, weights: list[Any], inputs: Any, *, training: bool) -> Any:
        """What the layer makes of its inputs with these in place of its trainable variables, each in one dimension. In
        training its state goes on. For use in a program.
        """
        return (self._train if training else self._infer)(weights, inputs)

    def penalties(self, weights: list[Any]) -> list[Any]:
        """Those of these weights, one at most; for use in a program."""
        return [self._penalty(weights)] if self._has_penalty else []

    def tune(self, drawn: Layer) -> None:
        """Takes the numbers of a layer of the same structure."""
        match self.keras, drawn:
            case TunableDropout(), Drop(rate):
                self.keras.set_rate(rate)
            case TunableBatchNormalization(), Normalize():
                self.keras.momentum = bn_momentum(drawn, self._setting.steps_per_epoch)
            case _, (Conv(l1=l1, l2=l2) | Dense(l1=l1, l2=l2) | Output(l1=l1, l2=l2)) if l1 or l2:
                self.keras.kernel_regularizer.set(l1, l2)

    def random_values(self) -> Iterator[tuple[Any, Any]]:
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

    def _training(self, weights: list[Any], inputs: Any) -> Any:
        with self._scope(weights) as scope:
            outputs = self.keras(inputs, training=True)
        for variable in self.keras.non_trainable_variables:
            if (value := scope.get_current_value(variable)) is not None:
                variable.assign(value)
        return outputs

    def _inference(self, weights: list[Any], inputs: Any) -> Any:
        with self._scope(weights):
            return self.keras(inputs, training=False)

    def _penalized(self, weights: list[Any]) -> Any:
        with self._scope(weights):
            (penalty,) = self.keras.losses
        return penalty

    def _scope(self, weights: list[Any]) -> Any:
        shaped = [keras.ops.reshape(flat, of.shape) for of, flat in zip(self.trainable, weights, strict=True)]
        return keras.StatelessScope(list(zip(self.trainable, shaped, strict=True)))


def _tunable_layer(layer: Layer, setting: Setting) -> Any:
    match layer:
        case Drop(rate) if rate > 0:
            return TunableDropout()
        case Normalize():
            return TunableBatchNormalization()
        case Conv(l1=l1, l2=l2) | Dense(l1=l1, l2=l2) | Output(l1=l1, l2=l2) if l1 or l2:
            made = keras_layer(layer, setting)
            made.kernel_regularizer = TunablePenalty(l1, l2)
            return made
        case _:
            return keras_layer(layer, setting)
