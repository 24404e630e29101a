"""A compiled program that trains all configurations of one key.

    key -> program;   configuration, seed, images -> numbers and fresh weights -> epochs -> a plain Keras model

Learning rate, momentum, dropout rates, the optimizer and all random state are variables of the program. Scores, weights
and random states are those of a new model that is trained by `fit`, to the last bit on a processor. Importing this
module imports Keras.
"""

import math
import random
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.training.backends.protocol import (
    DeviceImages,
    Kept,
    Step,
    StepProgram,
    Sums,
    Tensor,
    Variable,
)
from search.training.data.order import Order
from search.training.epochs.epochs import Score, Stop
from search.training.lru_cache import LruCache
from search.training.models.building import InputSpec, seed_of_models
from search.training.shared_programs.graph_cache import GraphCache
from search.training.shared_programs.plain_model import PlainModel
from search.training.shared_programs.shared_layer import SharedLayer
from search.training.shared_programs.skeleton import Slots, fill, own_slots
from search.training.shared_programs.trace_key import KeptSteps
from search.training.shared_programs.vector import ActiveWeights, WeightVector
from spaces.configuration import Configuration
from spaces.layers import require_fit

COPIES = 4  # that of the shared layers, which it keeps; the plain model with two of state
NO_SUMS = np.zeros(3, np.float32)
PLAIN_MODELS = 8  # kept, of a program of several structures
NOT_KEPT = KeptSteps()


class SharedProgram:
    """A TrainableModel for one configuration after another, from `begin`, which says which, to `end`. It can be stopped
    between two calls of its step program.

    Layers, and the optimizer bank with what is trained, the weights and the optimizer's state, are of the cache.
    Programs that share them can't take turns within a training.
    """

    def __init__(
        self,
        configuration: Configuration,
        spec: InputSpec,
        batch_size: int,
        graphs: GraphCache,
        kept: KeptSteps = NOT_KEPT,
        *,
        slots: Slots | None = None,
        weighted: bool = False,
    ) -> None:
        """`slots` None: those of the configuration's own structure."""
        require_fit(configuration, spec.image_shape)
        self._configuration, self._spec, self._batch_size = configuration, spec, batch_size
        self._backend = graphs.backend
        self._slots = own_slots(configuration) if slots is None else slots
        self._layers = graphs.layers(self._slots, spec)
        self._variables = [variable for layer in self._layers for variable in layer.variables]
        self._trainable = [variable for layer in self._layers for variable in layer.trainable]
        self._state = [variable for layer in self._layers for variable in layer.state]
        self._vector = WeightVector(self._trainable)
        self._have(self._layers)
        self._bank = graphs.optimizer_bank(self._vector.length)
        self._loss_and_metrics = graphs.loss_and_metrics
        self._weighted_loss_and_metrics = graphs.weighted_loss_and_metrics
        self._class_weights = _ones(spec.classes) if weighted else None
        self._plain = LruCache[Slots, PlainModel](PLAIN_MODELS)
        self._steps = 0
        self._images: tuple[DeviceImages, DeviceImages] | None = None
        self._recorder: Any = None
        self._recorded: tuple[Any, StepProgram] | None = None
        self._batch_of = graphs.batch_of
        self._train_steps = self._step_program(self.train_step, kept=kept.train)
        self._test_steps = self._step_program(self.test_step, kept=kept.test)

    def begin(
        self,
        configuration: Configuration,
        seed: int,
        epochs: int,
        images: tuple[DeviceImages, DeviceImages],
        recorder: Any = None,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        """Takes on a configuration of the program's key, with the weights that a new model of that seed has, for this
        many epochs on images for training and for validation. Both are of the program's spec. A `recorder` is fed by
        validation. A weighted program takes the weights of its classes in the training loss.
        """
        self._images, self._recorder = images, recorder
        if self._class_weights is not None:
            self._class_weights.assign(np.array(class_weights, np.float32))
        self._configuration, self._steps = configuration, epochs * self._spec.steps_per_epoch
        filled = fill(self._slots, configuration)
        for shared, layer in zip(self._layers, filled, strict=True):
            shared.tune(layer)
        self._have([shared for shared, layer in zip(self._layers, filled, strict=True) if layer is not None])
        self._assign(_random_values(self._active, seed))
        self._bank.choose(configuration.optimizer, self._steps)

    def end(self) -> None:
        """Lets go of the images."""
        self._images = self._recorder = None

    def steps_per_stop(self, steps: int) -> int:
        """See EpochRunner."""
        return self._backend.steps_per_call(steps)

    def train(self, order: Order, stop: Stop) -> Score | None:
        """See EpochRunner."""
        steps, sums, (images, _) = -(-len(order) // self._batch_size), NO_SUMS, self._begun_with
        per_call = self._backend.steps_per_call(steps)
        for first in range(0, steps, per_call):
            if stop():
                return None
            sums = self._train_steps(images, order, first, min(first + per_call, steps), sums)
        return _score(sums)

    def validate(self) -> Score:
        """See EpochRunner."""
        _, images = self._begun_with
        steps = -(-len(images) // self._batch_size)
        program = self._test_steps if self._recorder is None else self._recording(self._recorder)
        return _score(program(images, np.arange(len(images)), 0, steps, NO_SUMS))

    def learning_rate(self) -> float:
        """See EpochRunner."""
        return self._bank.learning_rate()

    @property
    def size(self) -> int:
        """The bytes of all weights that it keeps: of its layers, and of the plain model with its optimizer."""
        return COPIES * 4 * self._vector.length

    @property
    def parameters(self) -> int:
        """See TrainableModel."""
        return sum(math.prod(variable.shape) for layer in self._active for variable in layer.keras.weights)

    def values(self) -> list[NDArray[Any]]:
        """See TrainableModel."""
        weights = self._vector.unflatten(self._bank.weights.numpy())
        trained = dict(zip(map(id, self._trainable), weights, strict=True))
        model = [trained[id(v)] if id(v) in trained else v.numpy() for v in self._active_variables]
        return [*model, *self._bank.values(self._active_weights)]

    def restore(self, values: Sequence[NDArray[Any]]) -> None:
        """See TrainableModel."""
        count = len(self._active_variables)
        self._assign(dict(zip(map(id, self._active_variables), values[:count], strict=True)))
        self._bank.restore(self._active_weights, values[count:])

    def keras_model(self) -> Any:
        """See TrainableModel."""
        model = self._plain_model().compiled(self._configuration, self._steps)
        for variable, value in zip([*model.variables, *model.optimizer.variables], self.values(), strict=True):
            variable.assign(value)
        return model

    @property
    def _begun_with(self) -> tuple[DeviceImages, DeviceImages]:
        if self._images is None:
            raise RuntimeError("the program hasn't begun with images, or has ended")
        return self._images

    def _plain_model(self) -> PlainModel:
        """That of the configuration's structure: made when it's first asked for, and once only, as Keras never quite
        forgets a model.
        """
        structure = own_slots(self._configuration)
        return self._plain.get(structure, lambda: PlainModel(self._configuration, self._spec))

    def _have(self, active: list[SharedLayer]) -> None:
        """Notes which of the layers the configuration has."""
        self._active = active
        self._active_variables = [variable for layer in active for variable in layer.variables]
        trained = {id(variable) for layer in active for variable in layer.trainable}
        self._active_weights = ActiveWeights(self._vector, [id(variable) in trained for variable in self._trainable])

    def _assign(self, values: dict[int, Any]) -> None:
        """Gives variables their values by id, and those that aren't named their first ones."""
        layers = self._layers
        first = {id(v): value for layer in layers for v, value in zip(layer.variables, layer.first_values, strict=True)}
        by_variable = first | values
        weights = [np.asarray(by_variable.pop(id(variable))) for variable in self._trainable]
        self._bank.weights.assign(self._vector.flatten(weights))
        for variable in self._variables:
            if id(variable) in by_variable:
                variable.assign(by_variable[id(variable)])

    def _recording(self, recorder: Any) -> StepProgram:
        """The program of validation that feeds the recorder too: that of the last recorder is kept."""
        if self._recorded is None or self._recorded[0] is not recorder:

            def step(images: Tensor, labels: Tensor) -> Tensor:
                return self.test_step(images, labels, recorder)

            self._recorded = recorder, self._step_program(step, recorder.variables)
        return self._recorded[1]

    def _step_program(self, step: Step, variables: Sequence[Variable] = (), kept: Kept | None = None) -> StepProgram:
        touched = [*self.step_variables, *variables]
        return self._backend.step_program(step, touched, self._batch_size, self._batch_of, kept)

    @property
    def step_variables(self) -> list[Variable]:
        """All variables that the steps read or assign."""
        settings = [variable for layer in self._layers for variable in layer.settings]
        weights = [] if self._class_weights is None else [self._class_weights]
        return [*self._bank.variables, *self._state, *settings, *weights]

    def train_step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Trains on a batch, in a program; what is summed over batches: loss, number of images, correct ones."""
        weights = self._vector.split(self._bank.weights.value)

        def loss(weights: list[Tensor]) -> tuple[Tensor, Tensor]:
            return self._forward(weights, images, labels, training=True)

        gradients, sums = self._backend.gradients(loss, weights, self._state)
        self._bank.apply(self._vector.concatenate(gradients))
        return sums

    def test_step(self, images: Tensor, labels: Tensor, recorder: Any = None) -> Tensor:
        """As `train_step`, and changes nothing but the recorder."""
        weights = self._vector.split(self._bank.weights.value)
        return self._forward(weights, images, labels, training=False, recorder=recorder)[1]

    def _forward(
        self, values: list[Tensor], images: Tensor, labels: Tensor, *, training: bool, recorder: Any = None
    ) -> tuple[Any, Any]:
        """The loss; and what is summed over batches."""
        remaining, outputs = iter(values), images
        by_layer = [list(islice(remaining, len(layer.trainable))) for layer in self._layers]
        for layer, own in zip(self._layers, by_layer, strict=True):
            outputs = layer(own, outputs, training=training)
        if recorder is not None:
            recorder.update_state(labels, outputs)
        penalties = [p for layer, own in zip(self._layers, by_layer, strict=True) for p in layer.penalties(own)]
        if training and self._class_weights is not None:
            weights = keras.ops.take(self._class_weights, labels)
            loss, sums = self._weighted_loss_and_metrics(labels, outputs, penalties, weights)
        else:
            loss, sums = self._loss_and_metrics(labels, outputs, penalties)
        return loss, sums


def _ones(classes: int) -> Any:
    return keras.Variable(np.ones(classes), trainable=False, dtype="float32")


def _score(sums: Sums) -> Score:
    loss, n, correct = sums
    return Score(float(loss / n), float(correct / n))


def _random_values(layers: Iterable[SharedLayer], seed: int) -> dict[int, Any]:
    """The values of those variables that are random at first, by their id.

    Layers draw the seeds of their initializers and of their random state as they are made, one after another, from
    Python's generator; the same is done here. TensorFlow's own seed, of which nothing here depends, is left alone: with
    a new one it forgets all programs that it has prepared.
    """
    random.seed(seed_of_models(seed))
    return {id(variable): value for layer in layers for variable, value in layer.random_values()}
