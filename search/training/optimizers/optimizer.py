"""From the record of an optimizer to Keras' own."""

from typing import Any

from spaces.configuration import Optimizer


def why_not_shared(optimizer: Optimizer) -> str | None:
    """Why programs that trials share can't train with an optimizer, None if they can: what may differ from trial to
    trial is the learning rate and its schedule, the momentum and the weight decay.
    """
    differing = {name: getattr(optimizer, name) for name in ("learning_rate", "schedule", "momentum", "weight_decay")}
    if optimizer != Optimizer(optimizer.name, **differing):
        return "shared programs know Keras' own settings of optimizers"
    return None


def make_optimizer(optimizer: Optimizer, steps: int | None = None) -> Any:
    """A new `keras.optimizers.Optimizer`; what the record doesn't say stays at Keras' defaults.

    `steps` are those of the whole training; only a cosine needs them.

    It has the name that Keras gives to the first of its kind. Keras would number further ones, their variables would
    have new names each time, and TensorFlow keeps 40 kB for each name of a variable that it has seen.

    Raises:
        ValueError: a cosine without `steps`.
    """
    from search.training.optimizers.kinds import kind_of
    from search.training.optimizers.schedules import scheduled_rate

    kind, schedule = kind_of(optimizer.name), optimizer.schedule
    rate = scheduled_rate(schedule.name, optimizer.learning_rate, schedule.decay, steps)
    return kind.create(rate, **kind.settings(optimizer), name=kind.create.__name__.lower())
