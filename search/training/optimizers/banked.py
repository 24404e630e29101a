"""Keras' optimizers for one vector of weights, with settings that are variables of a program where Keras has constants.

They give the results of Keras' own to the last bit. Importing this module imports Keras.
"""

from typing import Any

import keras

from search.training.backends.protocol import Tensor, Variable
from search.training.optimizers.mutable_scalar import MutableScalar
from search.training.optimizers.slot_variables import SlotVariables
from search.training.optimizers.tunable_rate import TunableRate
from spaces.configuration import Optimizer

ANY_MOMENTUM = 0.5  # above 0, so that Keras' optimizers make their state of it


class BankedOptimizer:
    """An optimizer of Keras as one of a bank: it keeps its state in slots that all of them share, and
    takes a trial's settings.

    Its variables are the number of its steps, the slots in use, and what else it has. `slot_by_slot` tells how Keras
    orders the slots' parts over single weights: all of the first slot, then all of the second; or each weight's slots
    together.
    """

    slot_by_slot = False
    used_slots = 0
    slots: SlotVariables

    def share(self, slots: SlotVariables) -> None:
        """Tells in which variables it keeps its state; to be called before Keras' `build`."""
        self.slots = slots

    def tune(self, optimizer: Optimizer) -> None:
        """Takes the settings of a trial's optimizer, besides the learning rate. By default there are none."""

    @property
    def scalars(self) -> list[MutableScalar]:
        """Those settings."""
        return []

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: str = "zeros"
    ) -> Variable:
        """Called by Keras' optimizers for each variable of their state."""
        if initializer != "zeros":
            raise ValueError(f"{name} is to begin as {initializer}, but shared state begins as zeros")
        self.used_slots += 1
        return self.slots.slot(self.used_slots - 1, reference_variable)


class BankedSGD(BankedOptimizer, keras.optimizers.SGD):  # type: ignore[misc]  # Keras has no types
    """SGD without momentum."""


class BankedRMSprop(BankedOptimizer, keras.optimizers.RMSprop):  # type: ignore[misc]  # Keras has no types
    """RMSprop without momentum."""


class BankedAdam(BankedOptimizer, keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """Adam."""


class BankedNadam(BankedOptimizer, keras.optimizers.Nadam):  # type: ignore[misc]  # Keras has no types
    """Nadam."""


class BankedAdadelta(BankedOptimizer, keras.optimizers.Adadelta):  # type: ignore[misc]  # Keras has no types
    """Adadelta."""


class BankedMomentum(BankedOptimizer, keras.optimizers.SGD):  # type: ignore[misc]  # Keras has no types
    """SGD whose momentum, above 0, can be changed between steps."""

    def __init__(self, learning_rate: TunableRate) -> None:
        super().__init__(learning_rate, momentum=ANY_MOMENTUM)
        self._scalar = MutableScalar()

    def tune(self, optimizer: Optimizer) -> None:
        """See BankedOptimizer."""
        self._scalar.set(optimizer.momentum)

    @property
    def scalars(self) -> list[MutableScalar]:
        """See BankedOptimizer."""
        return [self._scalar]

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Keras' own rule, in its order."""
        ops = keras.ops
        (velocity,) = self.momentums
        step = ops.multiply(gradient, ops.cast(learning_rate, variable.dtype))
        self.assign(velocity, ops.subtract(ops.multiply(velocity, self._scalar.variable), step))
        self.assign_add(variable, velocity)


class BankedRMSpropWithMomentum(BankedOptimizer, keras.optimizers.RMSprop):  # type: ignore[misc]  # Keras has no types
    """RMSprop whose momentum, above 0, can be changed between steps."""

    slot_by_slot = True

    def __init__(self, learning_rate: TunableRate) -> None:
        super().__init__(learning_rate)
        self._scalar = MutableScalar()

    def tune(self, optimizer: Optimizer) -> None:
        """See BankedOptimizer."""
        self._scalar.set(optimizer.momentum)

    @property
    def scalars(self) -> list[MutableScalar]:
        """See BankedOptimizer."""
        return [self._scalar]

    def build(self, variables: list[Variable]) -> None:
        """Creates the state: that of RMSprop, then that of its momentum."""
        keras.optimizers.Optimizer.build(self, variables)
        (self._average,) = self.add_optimizer_variables(variables, "velocity")
        (self._steps,) = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Keras' own rule, in its order."""
        ops = keras.ops
        seen, rho = ops.multiply(self.rho, self._average), 1 - self.rho
        self.assign(self._average, ops.add(seen, ops.multiply(rho, ops.square(gradient))))
        size = ops.sqrt(ops.add(self._average, self.epsilon))
        step = ops.divide(ops.multiply(ops.cast(learning_rate, variable.dtype), gradient), size)
        self.assign(self._steps, ops.add(ops.multiply(self._scalar.variable, self._steps), step))
        self.assign_sub(variable, self._steps)


class BankedAdamW(BankedOptimizer, keras.optimizers.AdamW):  # type: ignore[misc]  # Keras has no types
    """AdamW whose weight decay can be changed between steps."""

    _scalar: MutableScalar

    def tune(self, optimizer: Optimizer) -> None:
        """See BankedOptimizer."""
        self._scalar.set(optimizer.weight_decay)

    @property
    def scalars(self) -> list[MutableScalar]:
        """See BankedOptimizer."""
        return [self._scalar]

    @property
    def weight_decay(self) -> Any:
        """The share of each weight that a step takes away, times the learning rate."""
        return self._scalar.variable

    @weight_decay.setter
    def weight_decay(self, value: float) -> None:
        self._scalar = MutableScalar(value)  # once, by Keras
