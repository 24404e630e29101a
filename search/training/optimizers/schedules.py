"""Schedules of the learning rate: which of Keras' each name stands for. Importing this module imports Keras."""

from typing import Any, assert_never

from keras.optimizers import schedules

from spaces.configuration import ScheduleName

Number = Any  # a float, or a variable of Keras that holds one


def scheduled_rate(name: ScheduleName, first: Number, decay: Number, steps: Number | None) -> Any:
    """The learning rate as Keras' optimizers take it: a number, or a `LearningRateSchedule`.

    `first` is the rate of the first step, `decay` that of an inverse time decay, `steps` are those of the whole
    training. All of them may be variables; the schedule then follows what they hold.

    Raises:
        ValueError: a cosine is to go down over an unknown number of steps.
    """
    match name:
        case "constant":
            return first
        case "inverse_time":
            return schedules.InverseTimeDecay(first, decay_steps=1, decay_rate=decay)
        case "cosine":
            if steps is None:
                raise ValueError("a cosine goes down over the steps of the whole training: say how many there are")
            return schedules.CosineDecay(first, decay_steps=steps)
        case _:
            assert_never(name)
