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

from search.training.backends.device import subprogram
from search.training.models.optimizers import momentum_of
from search.training.shared_programs.tunable import (
    Knob,
    Pool,
    Rate,
    SharedAdadelta,
    SharedAdam,
    SharedNadam,
    SharedRMSprop,
    SharedSGD,
    TunableAdamW,
    TunableMomentum,
    TunableRate,
    TunableRMSprop,
)
from search.training.shared_programs.vector import Vector
from spaces.configuration import Optimizer

Arrays = list[NDArray[Any]]
MOST_SLOTS = 2  # vectors of state beside the weights


@dataclass(frozen=True)
class Rule:
    """An optimizer over the vector. Its variables are the number of its steps, the vectors of its state, and what else
    it has, which begins as `rest`. `slot_by_slot` tells how Keras orders the vectors' parts over single weights: all of
    the first kind, then all of the second; or both kinds for each weight.
    """

    optimizer: Any
    rest: Arrays
    slot_by_slot: bool = False


class Updates:
    """The rules for `length` weights in a vector, one of which is chosen. All vectors begin as zeros."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.weights = keras.Variable(np.zeros(length, np.float32), name="weights")
        self._rate = TunableRate()
        self._rate_of_step = Knob()
        self._step = keras.Variable(0, trainable=False, dtype="int64")
        pool = Pool()
        self._rules = {
            "sgd": self._rule(SharedSGD, pool),
            "momentum": self._rule(TunableMomentum, pool),
            "rmsprop": self._rule(SharedRMSprop, pool),
            "rmsprop with momentum": self._rule(TunableRMSprop, pool, slot_by_slot=True),
            "adam": self._rule(SharedAdam, pool),
            "adadelta": self._rule(SharedAdadelta, pool),
            "adamw": self._rule(TunableAdamW, pool),
            "nadam": self._rule(SharedNadam, pool),
        }
        self._index = keras.Variable(0, trainable=False, dtype="int32")
        self._chosen, self._constant = self._rules["sgd"], True
        self.apply = subprogram(self._apply)

    @property
    def size(self) -> int:
        """The bytes of weights and state."""
        return 4 * self.length * (1 + MOST_SLOTS)

    def choose(self, optimizer: Optimizer, steps: int) -> None:
        """Takes this optimizer from now on, as if it were new, for a training of so many steps."""
        name = rule_name(optimizer)
        self._chosen, self._constant = self._rules[name], optimizer.schedule.name == "constant"
        self._index.assign(list(self._rules).index(name))
        self._rate.set(optimizer.learning_rate, optimizer.schedule, steps)
        self._step.assign(0)
        iterations, slots, rest = self._variables()
        for variable in (iterations, *slots):
            variable.assign(keras.ops.zeros_like(variable))
        for variable, value in zip(rest, self._chosen.rest, strict=True):
            variable.assign(value)
        match self._chosen.optimizer:
            case TunableMomentum() | TunableRMSprop() as chosen:
                chosen.knob.set(momentum_of(optimizer))
            case TunableAdamW() as chosen:
                chosen.knob.set(optimizer.weight_decay)
            case _:  # those of the others are variables, or the same for all trials
                pass

    def learning_rate(self) -> float:
        """That of the next step."""
        return float(self._rate.at(self._step.value))

    def values(self, vector: Vector) -> Arrays:
        """The state of the optimizer, in the order and the shapes of Keras' own over the single weights."""
        iterations, slots, rest = self._variables()
        cut = [vector.cut(slot.numpy()) for slot in slots]
        by_slot = cut if self._chosen.slot_by_slot else zip(*cut, strict=True)
        front = [iterations.numpy(), *([np.array(self.learning_rate(), np.float32)] if self._constant else [])]
        return [*front, *(part for parts in by_slot for part in parts), *(variable.numpy() for variable in rest)]

    def restore(self, vector: Vector, values: Sequence[NDArray[Any]]) -> None:
        """Brings the optimizer to the state that `values` gave."""
        iterations, slots, rest = self._variables()
        first, last = 2 if self._constant else 1, len(values) - len(rest)
        joined = [vector.joined(parts) for parts in self._by_slot(values[first:last], len(slots))]
        state = [values[0], *joined, *values[last:]]
        for variable, value in zip((iterations, *slots, *rest), state, strict=True):
            variable.assign(value)
        self._step.assign(values[0])

    def _rule(self, make: Callable[[Rate], Any], pool: Pool, *, slot_by_slot: bool = False) -> Rule:
        optimizer = make(lambda: self._rate_of_step.variable.value)
        optimizer.share(pool)
        optimizer.build([self.weights])
        return Rule(
            optimizer, [variable.numpy() for variable in optimizer.variables[1 + optimizer.used :]], slot_by_slot
        )

    def _variables(self) -> tuple[Any, list[Any], list[Any]]:
        """Of the chosen optimizer: the number of its steps, the vectors of its state, and the rest."""
        iterations, *others = self._chosen.optimizer.variables
        used = self._chosen.optimizer.used
        return iterations, others[:used], others[used:]

    def _by_slot(self, parts: Sequence[NDArray[Any]], slots: int) -> Iterator[Sequence[NDArray[Any]]]:
        weights = len(parts) // slots if slots else 0
        for slot in range(slots):
            yield parts[slot * weights : (slot + 1) * weights] if self._chosen.slot_by_slot else parts[slot::slots]

    def _apply(self, gradient: Any) -> None:
        """Changes the weights by a step of the chosen optimizer; for use in a program."""
        self._rate_of_step.variable.assign(self._rate.at(self._step.value))
        keras.ops.switch(self._index.value, [self._stepping(rule, gradient) for rule in self._rules.values()])
        self._step.assign_add(1)

    def _stepping(self, rule: Rule, gradient: Any) -> Callable[[], Any]:
        def step() -> Any:
            rule.optimizer.apply([gradient], [self.weights])
            return keras.ops.zeros((), "int32")

        return step


def rule_name(optimizer: Optimizer) -> str:
    """Optimizers of one name have the same state. Without momentum, Keras' optimizers have no state for it."""
    if momentum_of(optimizer) > 0:
        return "rmsprop with momentum" if optimizer.name == "rmsprop" else optimizer.name
    return "sgd" if optimizer.name == "momentum" else optimizer.name
