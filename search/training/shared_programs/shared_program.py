"""A compiled program that trains all configurations of one structure.

    structure -> program;   configuration, seed, images -> numbers and fresh weights -> epochs -> a plain Keras model

Learning rate, momentum, dropout rates, the optimizer and all random state are variables of the program. Scores, weights
and random states are those of a new model that is trained by `fit`, to the last bit on a processor. Importing this
module imports Keras.
"""

import math
import random
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.training.backends.device import STEPS_A_CALL, DeviceImages, gradients, step_program
from search.training.data.augmentation import Order
from search.training.epochs.epochs import Score, Stop
from search.training.models.building import (
    Setting,
    bn_momentum,
    compile_model,
    model_from_layers,
    penalty,
    seed_of_models,
)
from search.training.shared_programs.graph_cache import SharedParts
from search.training.shared_programs.program_key import structure_of
from search.training.shared_programs.shared_layer import SharedLayer
from search.training.shared_programs.vector import Vector
from spaces.configuration import Configuration, Optimizer
from spaces.layers import (
    Activate,
    Conv,
    Dense,
    Drop,
    Flatten,
    Layer,
    MaxPool,
    Normalize,
    Output,
    layer_order,
    require_fit,
)

COPIES = 4  # that of the shared layers, which it keeps; the plain model with two of state
NO_SUMS = np.zeros(3, np.float32)


class Program:
    """A Trainee for one configuration after another, from `begin`, which says which, to `end`. It can be stopped every
    16 steps.

    Layers, and updates with what is trained, the weights and the optimizer's state, are of the parts. Programs that
    share them can't take turns within a training.
    """

    def __init__(self, configuration: Configuration, setting: Setting, batch_size: int, parts: SharedParts) -> None:
        require_fit(configuration, setting.image_shape)
        self._configuration, self._setting, self._batch_size = configuration, setting, batch_size
        self._layers = parts.layers(structure_of(configuration), setting)
        self._variables = [variable for layer in self._layers for variable in layer.variables]
        self._first_values = [value for layer in self._layers for value in layer.first_values]
        self._trainable = [variable for layer in self._layers for variable in layer.trainable]
        self._vector = Vector(self._trainable)
        self._updates = parts.updates(self._vector.length)
        self._judge = parts.judge
        self._plain: Any = None
        self._compiled_for: tuple[Optimizer, int] | None = None
        self._steps = 0
        self._images: tuple[DeviceImages, DeviceImages] | None = None
        self._train_steps = step_program(self._train_step, batch_size, parts.batch)
        self._test_steps = step_program(self._test_step, batch_size, parts.batch)

    def begin(
        self, configuration: Configuration, seed: int, epochs: int, images: tuple[DeviceImages, DeviceImages]
    ) -> None:
        """Takes on a configuration of the program's structure, with the weights that a new model of that seed has, for
        so many epochs on images for training and for validation. Both are of the program's setting.
        """
        self._images = images
        self._configuration, self._steps = configuration, epochs * self._setting.steps_per_epoch
        for layer, drawn in zip(self._layers, layer_order(configuration), strict=True):
            layer.tune(drawn)
        random_values = _random_values(self._layers, seed)
        first = zip(self._variables, self._first_values, strict=True)
        self._assign([random_values.get(id(variable), value) for variable, value in first])
        self._updates.choose(configuration.optimizer, self._steps)

    def end(self) -> None:
        """Lets go of the images."""
        self._images = None

    def train(self, order: Order, stop: Stop) -> Score | None:
        """See EpochRunner."""
        steps, sums, (images, _) = -(-len(order) // self._batch_size), NO_SUMS, self._begun_with
        for first in range(0, steps, STEPS_A_CALL):
            if stop():
                return None
            sums = self._train_steps(images, order, first, min(first + STEPS_A_CALL, steps), sums)
        return _score(sums)

    def validate(self) -> Score:
        """See EpochRunner."""
        _, images = self._begun_with
        steps = -(-len(images) // self._batch_size)
        return _score(self._test_steps(images, np.arange(len(images)), 0, steps, NO_SUMS))

    def learning_rate(self) -> float:
        """See EpochRunner."""
        return self._updates.learning_rate()

    @property
    def size(self) -> int:
        """The bytes of all weights that it keeps: of its layers, and of the plain model with its optimizer."""
        return COPIES * 4 * self._vector.length

    @property
    def parameters(self) -> int:
        """See Trainee."""
        return sum(math.prod(variable.shape) for layer in self._layers for variable in layer.keras.weights)

    def values(self) -> list[NDArray[Any]]:
        """See Trainee."""
        weights = self._vector.cut(self._updates.weights.numpy())
        trained = dict(zip(map(id, self._trainable), weights, strict=True))
        model = [trained[id(v)] if id(v) in trained else v.numpy() for v in self._variables]
        return [*model, *self._updates.values(self._vector)]

    def restore(self, values: Sequence[NDArray[Any]]) -> None:
        """See Trainee."""
        count = len(self._variables)
        self._assign(values[:count])
        self._updates.restore(self._vector, values[count:])

    def keras_model(self) -> Any:
        """See Trainee."""
        model, optimizer = self._plain_model(), self._configuration.optimizer
        for layer, drawn in zip(model.layers, layer_order(self._configuration), strict=True):
            _set(layer, drawn, self._setting)
        if self._compiled_for != (optimizer, self._steps):
            compile_model(model, self._configuration, self._steps)
            self._compiled_for = optimizer, self._steps
        for variable, value in zip([*model.variables, *model.optimizer.variables], self.values(), strict=True):
            variable.assign(value)
        return model

    @property
    def _begun_with(self) -> tuple[DeviceImages, DeviceImages]:
        if self._images is None:
            raise RuntimeError("the program hasn't begun with images, or has ended")
        return self._images

    def _plain_model(self) -> Any:
        """Made when it's first asked for, and once only: Keras never quite forgets a model."""
        if self._plain is None:
            self._plain = model_from_layers(self._configuration, self._setting)
        return self._plain

    def _assign(self, values: Sequence[Any]) -> None:
        by_variable = {id(v): value for v, value in zip(self._variables, values, strict=True)}
        weights = [np.asarray(by_variable.pop(id(variable))) for variable in self._trainable]
        self._updates.weights.assign(self._vector.joined(weights))
        for variable in self._variables:
            if id(variable) in by_variable:
                variable.assign(by_variable[id(variable)])

    def _train_step(self, images: Any, labels: Any) -> Any:
        parts = self._vector.parts(self._updates.weights.value)
        slopes, sums = gradients(lambda: self._forward(parts, images, labels, training=True), parts)
        self._updates.apply(self._vector.join(slopes))
        return sums

    def _test_step(self, images: Any, labels: Any) -> Any:
        parts = self._vector.parts(self._updates.weights.value)
        return self._forward(parts, images, labels, training=False)[1]

    def _forward(self, parts: list[Any], images: Any, labels: Any, *, training: bool) -> tuple[Any, Any]:
        """The loss; and what is summed over batches: loss, images, hits."""
        rest, outputs = iter(parts), images
        weights = [list(islice(rest, len(layer.trainable))) for layer in self._layers]
        for layer, own in zip(self._layers, weights, strict=True):
            outputs = layer(own, outputs, training=training)
        penalties = [p for layer, own in zip(self._layers, weights, strict=True) for p in layer.penalties(own)]
        loss, sums = self._judge(labels, outputs, penalties)
        return loss, sums


def _score(sums: NDArray[np.float32]) -> Score:
    loss, n, hits = sums
    return Score(float(loss / n), float(hits / n))


def _set(layer: Any, drawn: Layer, setting: Setting) -> None:
    """What SharedLayer.tune does, for layers of Keras."""
    match drawn:
        case Drop(rate):
            layer.rate = rate
        case Normalize():
            layer.momentum = bn_momentum(drawn, setting.steps_per_epoch)
        case Conv() | Dense() | Output():
            layer.kernel_regularizer = layer.kernel.regularizer = penalty(drawn)
        case Activate() | MaxPool() | Flatten():
            pass


def _random_values(layers: Iterable[SharedLayer], seed: int) -> dict[int, Any]:
    """The values of those variables that are random at first, by their id.

    Layers draw the seeds of their initializers and of their random state as they are made, one after another, from
    Python's generator; the same is done here. TensorFlow's own seed, of which nothing here depends, is left alone: with
    a new one it forgets all programs that it has prepared.
    """
    random.seed(seed_of_models(seed))
    return {id(variable): value for layer in layers for variable, value in layer.random_values()}
