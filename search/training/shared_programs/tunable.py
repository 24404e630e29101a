"""Keras' own layers and optimizers, with settings that are variables of a program where Keras has constants.

They give the results of Keras' to the last bit. Their variables are no state of a model: models that are saved don't
have them, and have layers and optimizers of Keras alone. Importing this module imports Keras.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras.optimizers import schedules

from spaces.configuration import SCHEDULES, Schedule, ScheduleName

Rate = Callable[[], Any]  # gives the learning rate of the next step

ANY_RATE = 0.5  # above 0, so that layers and optimizers make their state


class Knob:
    """A number that a program reads each time it runs. Keras doesn't take it for a part of a layer's state."""

    def __init__(self, value: float = 0.0) -> None:
        self.variable = keras.Variable(value, trainable=False, dtype="float32")

    def set(self, value: float) -> None:
        """The value of all steps from now on."""
        self.variable.assign(value)


class TunableDropout(keras.layers.Dropout):  # type: ignore[misc]  # Keras has no types
    """Dropout whose rate, in (0, 1), can be changed between steps."""

    def __init__(self) -> None:
        super().__init__(ANY_RATE)
        self._least = Knob()
        self._scale = Knob()

    def set_rate(self, rate: float) -> None:
        """The share of units that is dropped from now on."""
        self._least.set(rate)
        self._scale.set(1 / (1 - rate))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drops units, and scales up the others, in training only."""
        if not training:
            return inputs
        ops = keras.ops
        drawn = keras.random.uniform(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
        kept = drawn >= ops.cast(self._least.variable, inputs.dtype)
        scaled = inputs * ops.cast(self._scale.variable, inputs.dtype)
        return ops.where(kept, scaled, ops.zeros((), inputs.dtype))


class TunableBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # Keras has no types
    """Batch normalization whose momentum can be changed between steps."""

    def __init__(self) -> None:
        self._momentum = Knob()
        super().__init__()

    @property
    def momentum(self) -> Any:
        """That of the moving averages."""
        return self._momentum.variable

    @momentum.setter
    def momentum(self, value: float) -> None:
        self._momentum.set(value)


class TunablePenalty(keras.regularizers.Regularizer):  # type: ignore[misc]  # Keras has no types
    """A penalty on a kernel whose sizes can be changed between steps; those that are 0 at first stay so."""

    def __init__(self, l1: float, l2: float) -> None:
        self._l1, self._l2 = (Knob(size) if size else None for size in (l1, l2))

    def set(self, l1: float, l2: float) -> None:
        """The sizes of all steps from now on."""
        for knob, size in ((self._l1, l1), (self._l2, l2)):
            if knob is not None:
                knob.set(size)

    def __call__(self, kernel: Any) -> Any:
        """Keras' own rule, in its order."""
        ops = keras.ops
        penalty = ops.convert_to_tensor(0.0, dtype=kernel.dtype)
        if self._l1 is not None:
            penalty += ops.cast(self._l1.variable, kernel.dtype) * ops.sum(ops.absolute(kernel))
        if self._l2 is not None:
            penalty += ops.cast(self._l2.variable, kernel.dtype) * ops.sum(ops.square(kernel))
        return penalty


class TunableRate:
    """A learning rate by its schedule, all settings of which can be changed between steps. The rules are Keras' own."""

    def __init__(self) -> None:
        self._first, self._decay, self._steps = Knob(), Knob(), Knob(1.0)
        self._schedule = keras.Variable(0, trainable=False, dtype="int32")
        self._inverse_time = schedules.InverseTimeDecay(self._first.variable, 1, self._decay.variable)
        self._cosine = schedules.CosineDecay(self._first.variable, self._steps.variable)

    def set(self, first: float, schedule: Schedule, steps: int) -> None:
        """That of all steps from now on; `steps` are those of the whole training."""
        self._first.set(first)
        self._decay.set(schedule.decay)
        self._steps.set(steps)
        self._schedule.assign(SCHEDULES.index(schedule.name))

    def at(self, step: Any) -> Any:
        """The rate at a step, counted from 0."""
        rules: dict[ScheduleName, Callable[[], Any]] = {
            "constant": lambda: keras.ops.convert_to_tensor(self._first.variable),
            "inverse_time": lambda: self._inverse_time(step),
            "cosine": lambda: self._cosine(step),
        }
        return keras.ops.switch(self._schedule.value, [rules[name] for name in SCHEDULES])


class Pool:
    """Variables that several optimizers keep their state in."""

    def __init__(self) -> None:
        self._variables: list[Any] = []

    def like(self, reference: Any, number: int) -> Any:
        """The variable of that number, counted from 0; made like the reference if there is none yet."""
        if number == len(self._variables):
            zeros = keras.ops.zeros(reference.shape, reference.dtype)
            self._variables.append(keras.Variable(zeros, trainable=False))
        return self._variables[number]


class SharedState:
    """Optimizers of which only one is at work at a time keep their state, a few vectors, in the same variables."""

    pool: Pool
    used = 0  # of the pool

    def share(self, pool: Pool) -> None:
        """Tells which; to be called before `build`."""
        self.pool = pool

    def add_variable_from_reference(self, reference_variable: Any, name: Any = None, initializer: Any = "zeros") -> Any:
        """What Keras' optimizers call for each variable of their state."""
        if initializer != "zeros":
            raise ValueError(f"{name} is to begin as {initializer}, but shared state begins as zeros")
        self.used += 1
        return self.pool.like(reference_variable, self.used - 1)


class SharedSGD(SharedState, keras.optimizers.SGD):  # type: ignore[misc]  # Keras has no types
    """SGD without momentum."""


class SharedRMSprop(SharedState, keras.optimizers.RMSprop):  # type: ignore[misc]  # Keras has no types
    """RMSprop without momentum."""


class SharedAdam(SharedState, keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """Adam."""


class SharedNadam(SharedState, keras.optimizers.Nadam):  # type: ignore[misc]  # Keras has no types
    """Nadam."""


class SharedAdadelta(SharedState, keras.optimizers.Adadelta):  # type: ignore[misc]  # Keras has no types
    """Adadelta."""


class TunableMomentum(SharedState, keras.optimizers.SGD):  # type: ignore[misc]  # Keras has no types
    """SGD whose momentum, above 0, can be changed between steps."""

    def __init__(self, learning_rate: Rate) -> None:
        super().__init__(learning_rate, momentum=ANY_RATE)
        self.knob = Knob()

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Keras' own rule, in its order."""
        ops = keras.ops
        (velocity,) = self.momentums
        step = ops.multiply(gradient, ops.cast(learning_rate, variable.dtype))
        self.assign(velocity, ops.subtract(ops.multiply(velocity, self.knob.variable), step))
        self.assign_add(variable, velocity)


class TunableRMSprop(SharedState, keras.optimizers.RMSprop):  # type: ignore[misc]  # Keras has no types
    """RMSprop whose momentum, above 0, can be changed between steps."""

    def __init__(self, learning_rate: Rate) -> None:
        super().__init__(learning_rate)
        self.knob = Knob()

    def build(self, variables: list[Any]) -> None:
        """Makes the state: that of RMSprop, then that of its momentum."""
        keras.optimizers.Optimizer.build(self, variables)
        (self._average,) = self.add_optimizer_variables(variables, "velocity")
        (self._steps,) = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Keras' own rule, in its order."""
        ops = keras.ops
        seen, rho = ops.multiply(self.rho, self._average), 1 - self.rho
        self.assign(self._average, ops.add(seen, ops.multiply(rho, ops.square(gradient))))
        size = ops.sqrt(ops.add(self._average, self.epsilon))
        step = ops.divide(ops.multiply(ops.cast(learning_rate, variable.dtype), gradient), size)
        self.assign(self._steps, ops.add(ops.multiply(self.knob.variable, self._steps), step))
        self.assign_sub(variable, self._steps)


class TunableAdamW(SharedState, keras.optimizers.AdamW):  # type: ignore[misc]  # Keras has no types
    """AdamW whose weight decay can be changed between steps."""

    knob: Knob

    @property
    def weight_decay(self) -> Any:
        """The share of each weight that a step takes away, times the learning rate."""
        return self.knob.variable

    @weight_decay.setter
    def weight_decay(self, value: float) -> None:
        self.knob = Knob(value)  # once, by Keras
