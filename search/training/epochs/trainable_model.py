"""The model that a job trains, with its state, however its epochs are run."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search.training.data.order import Order
from search.training.epochs.epochs import EpochRunner, Score, Stop


class Stateful(Protocol):
    """Something whose whole state can be taken and brought back, as arrays in a fixed order."""

    def values(self) -> list[NDArray[Any]]:
        """Copies of a model's variables (weights, moving averages, random state) and then its optimizer's."""

    def restore(self, values: Sequence[NDArray[Any]]) -> None:
        """Brings the state to that of arrays of the same shapes."""


class TrainableModel(EpochRunner, Stateful, Protocol):
    """A model on its way through its epochs."""

    @property
    def parameters(self) -> int:
        """The number of weights, those included that aren't trained."""

    def keras_model(self) -> Any:
        """The model as it is now: a compiled `keras.Model` of Keras' own layers and those of its space."""


class KerasTrainableModel:
    """A TrainableModel that is a compiled Keras model, run by a runner that was made for it."""

    def __init__(self, model: Any, runner: EpochRunner) -> None:
        self._model = model
        self._runner = runner

    def steps_per_stop(self, steps: int) -> int:
        """See EpochRunner."""
        return self._runner.steps_per_stop(steps)

    def train(self, order: Order, stop: Stop) -> Score | None:
        """See EpochRunner."""
        return self._runner.train(order, stop)

    def validate(self) -> Score:
        """See EpochRunner."""
        return self._runner.validate()

    def learning_rate(self) -> float:
        """See EpochRunner."""
        return self._runner.learning_rate()

    @property
    def parameters(self) -> int:
        """See TrainableModel."""
        return int(self._model.count_params())

    def values(self) -> list[NDArray[Any]]:
        """See Stateful."""
        return [np.asarray(variable.numpy()) for variable in self._variables()]

    def restore(self, values: Sequence[NDArray[Any]]) -> None:
        """See Stateful."""
        for variable, value in zip(self._variables(), values, strict=True):
            variable.assign(value)

    def keras_model(self) -> Any:
        """See TrainableModel."""
        return self._model

    def _variables(self) -> list[Any]:
        return [*self._model.variables, *self._model.optimizer.variables]
