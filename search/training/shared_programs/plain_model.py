"""A structure's model of Keras' own layers, which a program fills when a trial's model is asked for. Importing this
module imports Keras.
"""

from typing import Any, assert_never

from search.training.models.building import InputSpec, bn_momentum, compile_model, model_from_layers, penalty
from spaces.configuration import Configuration, Optimizer
from spaces.layers import Activate, Conv, Dense, Drop, Flatten, Layer, MaxPool, Normalize, Output, layer_order


class PlainModel:
    """One model for all configurations of a structure, one after another."""

    def __init__(self, configuration: Configuration, spec: InputSpec) -> None:
        self._model = model_from_layers(configuration, spec)
        self._spec = spec
        self._compiled_for: tuple[Optimizer, int] | None = None

    def compiled(self, configuration: Configuration, steps: int) -> Any:
        """The `keras.Model` with the configuration's numbers, compiled for a training of this many steps."""
        for keras_layer, layer in zip(self._model.layers, layer_order(configuration), strict=True):
            _tune(keras_layer, layer, self._spec)
        if self._compiled_for != (configuration.optimizer, steps):
            compile_model(self._model, configuration, steps)
            self._compiled_for = configuration.optimizer, steps
        return self._model


def _tune(keras_layer: Any, layer: Layer, spec: InputSpec) -> None:
    """As SharedLayer.tune, for layers of Keras."""
    match layer:
        case Drop(rate):
            keras_layer.rate = rate
        case Normalize():
            keras_layer.momentum = bn_momentum(layer, spec.steps_per_epoch)
        case Conv() | Dense() | Output():
            keras_layer.kernel_regularizer = keras_layer.kernel.regularizer = penalty(layer)
        case Activate() | MaxPool() | Flatten():
            pass
        case _:
            assert_never(layer)
