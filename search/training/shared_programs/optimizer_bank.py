"""All optimizers in one program, of which a number chooses one. Importing this module imports Keras.

The rules are those of Keras' optimizers. As they all work element by element, they are given the weights of a model as
one vector. So models that are trained one after another can share them: what a vector's elements are, is no matter.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.training.backends.protocol import Backend, Tensor, Variable
from search.training.optimizers.kinds import banked_classes, kind_of
from search.training.optimizers.slot_variables import SlotVariables
from search.training.optimizers.tunable_rate import TunableRate
from search.training.shared_programs.vector import ActiveWeights
from spaces.configuration import Optimizer

Arrays = list[NDArray[Any]]
MOST_SLOTS = 2  # vectors of state besides the weights


@dataclass(frozen=True, eq=False)
class BankEntry:
    """An optimizer of the bank, a `BankedOptimizer`: the number of its steps, which is the counter that the learning
    rate goes by; the vectors of its state; and its other variables, with their first values.
    """

    optimizer: Any
    iterations: Variable
    slots: list[Variable]
    others: list[Variable]
    first_values: Arrays

    def reset(self) -> None:
        """Makes it as if it were new."""
        for variable in (self.iterations, *self.slots):
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
        for variable, value in zip(self.others, self.first_values, strict=True):
            variable.assign(value)


class OptimizerBank:
    """The optimizers for `length` weights in a vector, one of which is chosen. All vectors begin as zeros."""

    def __init__(self, length: int, backend: Backend) -> None:
        self.length = length
        self.weights: Variable = keras.Variable(np.zeros(length, np.float32), name="weights")
        self._backend = backend
        self._rate = TunableRate(backend)
        self._slots = SlotVariables()
        self._classes = banked_classes()
        self._entries = [self._entry(banked) for banked in self._classes]
        self._index: Variable = keras.Variable(0, trainable=False, dtype="int32")
        self._chosen, self._constant = self._entries[0], True
        self.apply = backend.traced(self._apply)

    @property
    def size(self) -> int:
        """The bytes of weights and state."""
        return 4 * self.length * (1 + MOST_SLOTS)

    @property
    def variables(self) -> list[Variable]:
        """All that `apply` reads or assigns."""
        scalars = [scalar.variable for entry in self._entries for scalar in entry.optimizer.scalars]
        return [*self._assigned, self._index, *self._rate.variables, *scalars]

    def choose(self, optimizer: Optimizer, steps: int) -> None:
        """Takes this optimizer from now on, as if it were new, for a training of this many steps."""
        index = self._classes.index(kind_of(optimizer.name).banked_class(optimizer))
        self._chosen, self._constant = self._entries[index], optimizer.schedule.name == "constant"
        self._index.assign(index)
        self._rate.set(optimizer.learning_rate, optimizer.schedule, steps)
        self._chosen.reset()
        self._chosen.optimizer.tune(optimizer)

    def learning_rate(self) -> float:
        """That of the next step."""
        return float(self._chosen.optimizer.learning_rate)

    def values(self, vector: ActiveWeights) -> Arrays:
        """The state of the optimizer, in the order and the shapes of Keras' own over the single weights."""
        chosen = self._chosen
        by_slot = [vector.unflatten(slot.numpy()) for slot in chosen.slots]
        ordered = by_slot if chosen.optimizer.slot_by_slot else zip(*by_slot, strict=True)
        rate = [np.array(self.learning_rate(), np.float32)] if self._constant else []
        state = [part for parts in ordered for part in parts]
        return [chosen.iterations.numpy(), *rate, *state, *(variable.numpy() for variable in chosen.others)]

    def restore(self, vector: ActiveWeights, values: Sequence[NDArray[Any]]) -> None:
        """Brings the optimizer to the state that `values` gave."""
        chosen = self._chosen
        first, last = 2 if self._constant else 1, len(values) - len(chosen.others)
        slots = [vector.flatten(parts) for parts in self._by_slot(values[first:last])]
        variables = (chosen.iterations, *chosen.slots, *chosen.others)
        for variable, value in zip(variables, [values[0], *slots, *values[last:]], strict=True):
            variable.assign(value)

    def _entry(self, banked: Callable[[TunableRate], Any]) -> BankEntry:
        optimizer = banked(self._rate)
        optimizer.share(self._slots)
        optimizer.build([self.weights])
        iterations, *variables = optimizer.variables
        slots, others = variables[: optimizer.used_slots], variables[optimizer.used_slots :]
        return BankEntry(optimizer, iterations, slots, others, [variable.numpy() for variable in others])

    def _by_slot(self, parts: Sequence[NDArray[Any]]) -> Iterator[Sequence[NDArray[Any]]]:
        slots = len(self._chosen.slots)
        weights = len(parts) // slots if slots else 0
        for slot in range(slots):
            together = self._chosen.optimizer.slot_by_slot
            yield parts[slot * weights : (slot + 1) * weights] if together else parts[slot::slots]

    @property
    def _assigned(self) -> list[Variable]:
        own = [variable for entry in self._entries for variable in (entry.iterations, *entry.others)]
        return [self.weights, *self._slots.variables, *own]

    def _apply(self, gradient: Tensor) -> None:
        """Changes the weights by a step of the chosen optimizer; for use in a program."""
        branches = [self._step_of(entry, gradient) for entry in self._entries]
        steps = keras.ops.stack([entry.iterations.value for entry in self._entries])
        with self._rate.known_at(keras.ops.take(steps, self._index.value)):
            self._backend.switch(self._index.value, branches, self._assigned)

    def _step_of(self, entry: BankEntry, gradient: Tensor) -> Callable[[], None]:
        def step() -> None:
            entry.optimizer.apply([gradient], [self.weights])

        return step
