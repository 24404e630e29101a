"""A learning rate whose schedule is a setting. Importing this module imports Keras."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from search.training.backends.protocol import Backend, Tensor, Variable
from search.training.optimizers.mutable_scalar import MutableScalar
from search.training.optimizers.schedules import scheduled_rate
from spaces.configuration import SCHEDULES, Schedule


class TunableRate(LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """A learning rate by any of the schedules, whose settings can be changed between steps. It is traced once, for all
    optimizers that follow it.
    """

    def __init__(self, backend: Backend) -> None:
        self._first, self._decay, self._steps = MutableScalar(), MutableScalar(), MutableScalar(1.0)
        self._schedule: Variable = keras.Variable(0, trainable=False, dtype="int32")
        settings = self._first.variable, self._decay.variable, self._steps.variable
        self._rates = [scheduled_rate(name, *settings) for name in SCHEDULES]
        self._backend = backend
        self._at_step = backend.traced(self._of_schedule)
        self._known: Tensor | None = None

    def set(self, first: float, schedule: Schedule, steps: int) -> None:
        """The rate of all steps from now on; `steps` are those of the whole training."""
        self._first.set(first)
        self._decay.set(schedule.decay)
        self._steps.set(steps)
        self._schedule.assign(SCHEDULES.index(schedule.name))

    @property
    def variables(self) -> list[Variable]:
        """All that the rate depends on besides the step."""
        return [self._first.variable, self._decay.variable, self._steps.variable, self._schedule]

    @contextlib.contextmanager
    def known_at(self, step: Tensor) -> Iterator[None]:
        """Computes the rate of this step once, for all that ask for it within the block: each of a program's
        optimizers, of which one is chosen, would have the schedules' operations otherwise.
        """
        self._known = self(step)
        try:
            yield
        finally:
            self._known = None

    def __call__(self, step: Variable | Tensor) -> Tensor:
        """The rate at a step, counted from 0."""
        if self._known is not None:
            return self._known
        return self._at_step(step.value if isinstance(step, keras.Variable) else step)

    def get_config(self) -> dict[str, Any]:
        """None: an optimizer of a program isn't saved.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("the learning rate of a shared program isn't saved: that of its Keras model is")

    def _of_schedule(self, step: Tensor) -> Tensor:
        branches = [_at(rate, step) for rate in self._rates]
        return self._backend.one_of(self._schedule.value, branches)


def _at(rate: Any, step: Tensor) -> Callable[[], Tensor]:
    """A branch: the rate at a step, of a schedule or of a variable that holds it."""
    scheduled = isinstance(rate, LearningRateSchedule)
    return (lambda: rate(step)) if scheduled else (lambda: keras.ops.convert_to_tensor(rate))
