"""Epochs of any model as calls of a compiled program over data that is held on the device: faster than `fit`.

Scores, weights and random states are those of KerasRunner to the last bit on a processor.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from search.training.backends.protocol import Backend, ModelStep, Step, Tensor
from search.training.data.order import Order
from search.training.data.split import Split
from search.training.epochs.epochs import Score, Stop, score_of

NO_SUMS = np.zeros(3, np.float32)


class CompiledRunner:
    """An EpochRunner over a backend's step programs. It can be stopped between two calls of one."""

    def __init__(
        self,
        model: Any,
        data: Split,
        batch_size: int,
        backend: Backend,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        self._model, self._backend = model, backend
        self._batch_size = batch_size
        self._val_order = np.arange(data.n_val)
        self._train, self._val = backend.to_device(data)
        _create_metrics(model, data, self._train.labels[:1])
        variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
        train_step, test_step = backend.model_steps(model)
        self._train_steps = backend.step_program(_unsummed(train_step, class_weights), variables, batch_size)
        self._test_steps = backend.step_program(_unsummed(test_step), variables, batch_size)

    def steps_per_stop(self, steps: int) -> int:
        """See EpochRunner."""
        return self._backend.steps_per_call(steps)

    def train(self, order: Order, stop: Stop) -> Score | None:
        """See EpochRunner."""
        self._model.reset_metrics()
        steps = -(-len(order) // self._batch_size)
        per_call = self._backend.steps_per_call(steps)
        for first in range(0, steps, per_call):
            if stop():
                return None
            self._train_steps(self._train, order, first, min(first + per_call, steps), NO_SUMS)
        return self._score()

    def validate(self) -> Score:
        """See EpochRunner."""
        self._model.reset_metrics()
        self._test_steps(self._val, self._val_order, 0, -(-len(self._val_order) // self._batch_size), NO_SUMS)
        return self._score()

    def learning_rate(self) -> float:
        """See EpochRunner."""
        return float(self._model.optimizer.learning_rate)

    def _score(self) -> Score:
        return score_of(self._model.get_metrics_result())


def _unsummed(step: ModelStep, class_weights: Sequence[float] | None = None) -> Step:
    """A step of Keras' own, whose metrics sum up in variables of the model. With weights of classes, it gets those of
    the images too.
    """
    import keras

    def run(images: Tensor, labels: Tensor) -> Tensor:
        weights = () if class_weights is None else (keras.ops.take(np.array(class_weights, np.float32), labels),)
        step((images, labels, *weights))
        return keras.ops.zeros(NO_SUMS.shape, NO_SUMS.dtype)  # whatever a `build` has made Keras' default

    return run


def _create_metrics(model: Any, data: Split, labels: Tensor) -> None:
    """Lets loss and metrics create their variables now: within a compiled loop they can't. A model may compute its loss
    by itself, from the images, too. `labels` are those of one image.
    """
    import keras

    images, logits = keras.ops.zeros((1, *data.image_shape)), keras.ops.zeros((1, len(data.classes)))
    model.compute_loss(x=images, y=labels, y_pred=logits)
    model.compute_metrics(images, labels, logits)
    model.reset_metrics()
