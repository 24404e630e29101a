"""What each optimizer makes of a gradient, all of them in one program: which one it is, is a number.

The rules are those of Keras' optimizers. As they all work element by element, they are given the weights of a model as
one vector. So models that are trained one after another can share them: what a vector's elements are, is no matter.
Importing this module imports Keras.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.training.device import subprogram
from search.training.optimizer import momentum_of
from search.training.tunable import (
    Pool,
    SharedAdadelta,
    SharedAdam,
    SharedRMSprop,
    SharedSGD,
    TunableMomentum,
    TunableRMSprop,
)
from search.training.vector import Vector
from spaces.configuration import Optimizer

Arrays = list[NDArray[Any]]
MOST_SLOTS = 2  # vectors of state beside the weights
STEP_AND_RATE = 2  # every optimizer of Keras begins its variables with the number of its step and the learning rate


@dataclass(frozen=True)
class Rule:
    """An optimizer over the vector. `slot_by_slot` tells how Keras orders its state over single weights: all of the
    first kind, then all of the second; or both kinds for each weight.
    """

    optimizer: Any
    slot_by_slot: bool = False


class Updates:
    """The rules for `length` weights in a vector, one of which is chosen. All state begins as zeros."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.weights = keras.Variable(np.zeros(length, np.float32), name="weights")
        self._rules = {
            "sgd": Rule(SharedSGD()),
            "momentum": Rule(TunableMomentum()),
            "rmsprop": Rule(SharedRMSprop()),
            "rmsprop with momentum": Rule(TunableRMSprop(), slot_by_slot=True),
            "adam": Rule(SharedAdam()),
            "adadelta": Rule(SharedAdadelta()),
        }
        self._index = keras.Variable(0, trainable=False, dtype="int32")
        self._chosen = self._rules["sgd"]
        pool = Pool()
        for rule in self._rules.values():
            rule.optimizer.share(pool)
            rule.optimizer.build([self.weights])
        self.apply = subprogram(self._apply)

    @property
    def size(self) -> int:
        """The bytes of weights and state."""
        return 4 * self.length * (1 + MOST_SLOTS)

    def choose(self, optimizer: Optimizer) -> None:
        """Takes this optimizer from now on, as if it were new."""
        name = rule_name(optimizer)
        self._chosen = self._rules[name]
        self._index.assign(list(self._rules).index(name))
        for variable in self._chosen.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        self._chosen.optimizer.learning_rate = optimizer.learning_rate
        if isinstance(self._chosen.optimizer, TunableMomentum | TunableRMSprop):
            self._chosen.optimizer.knob.set(momentum_of(optimizer))

    def learning_rate(self) -> float:
        """That of the next step."""
        return float(self._chosen.optimizer.learning_rate)

    def values(self, vector: Vector) -> Arrays:
        """The state of the optimizer, in the order and the shapes of Keras' own over the single weights."""
        first, slots = self._split()
        cut = [vector.cut(slot.numpy()) for slot in slots]
        by_slot = cut if self._chosen.slot_by_slot else zip(*cut, strict=True)
        return [*(variable.numpy() for variable in first), *(part for parts in by_slot for part in parts)]

    def restore(self, vector: Vector, values: Sequence[NDArray[Any]]) -> None:
        """Brings the optimizer to the state that `values` gave."""
        first, slots = self._split()
        joined = [vector.joined(parts) for parts in self._by_slot(values[STEP_AND_RATE:], len(slots))]
        for variable, value in zip([*first, *slots], [*values[:STEP_AND_RATE], *joined], strict=True):
            variable.assign(value)

    def _split(self) -> tuple[list[Any], list[Any]]:
        variables = self._chosen.optimizer.variables
        return variables[:STEP_AND_RATE], variables[STEP_AND_RATE:]

    def _by_slot(self, parts: Sequence[NDArray[Any]], slots: int) -> Iterator[Sequence[NDArray[Any]]]:
        weights = len(parts) // slots if slots else 0
        for slot in range(slots):
            yield parts[slot * weights : (slot + 1) * weights] if self._chosen.slot_by_slot else parts[slot::slots]

    def _apply(self, gradient: Any) -> None:
        """Changes the weights by a step of the chosen optimizer; for use in a program."""
        keras.ops.switch(self._index.value, [self._step(rule, gradient) for rule in self._rules.values()])

    def _step(self, rule: Rule, gradient: Any) -> Callable[[], Any]:
        def step() -> Any:
            rule.optimizer.apply([gradient], [self.weights])
            return keras.ops.zeros((), "int32")

        return step


def rule_name(optimizer: Optimizer) -> str:
    """Optimizers of one name have the same state. Without momentum, Keras' optimizers have no state for it."""
    if momentum_of(optimizer) > 0:
        return "rmsprop with momentum" if optimizer.name == "rmsprop" else optimizer.name
    return "sgd" if optimizer.name == "momentum" else optimizer.name
