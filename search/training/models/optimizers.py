"""From the record of an optimizer to Keras' own."""

from typing import Any, assert_never

from spaces.configuration import Optimizer

WITH_MOMENTUM = ("momentum", "rmsprop")


def momentum_of(optimizer: Optimizer) -> float:
    """The momentum that an optimizer works with: 0 for those that ignore it."""
    return optimizer.momentum if optimizer.name in WITH_MOMENTUM else 0.0


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

    `sgd` is plain stochastic gradient descent, `momentum` the same with momentum. `steps` are those of the whole
    training; only a cosine needs them.

    It has the name that Keras gives to the first of its kind. Keras would number further ones, their variables would
    have new names each time, and TensorFlow keeps 40 kB for each name of a variable that it has seen.
    """
    import keras

    named = {"name": "sgd" if optimizer.name == "momentum" else optimizer.name}
    rate, momentum = _learning_rate(optimizer, steps), optimizer.momentum
    decays = {} if optimizer.rho is None else {"rho": optimizer.rho}
    betas = {"beta_1": optimizer.beta_1, "beta_2": optimizer.beta_2}
    epsilon = {} if optimizer.epsilon is None else {"epsilon": optimizer.epsilon}
    match optimizer.name:
        case "sgd":
            return keras.optimizers.SGD(rate, **named)
        case "momentum":
            return keras.optimizers.SGD(rate, momentum=momentum, nesterov=optimizer.nesterov, **named)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate, momentum=momentum, **decays, **epsilon, **named)
        case "adam":
            return keras.optimizers.Adam(rate, **betas, **epsilon, **named)
        case "adadelta":
            return keras.optimizers.Adadelta(rate, **decays, **epsilon, **named)
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=optimizer.weight_decay, **betas, **epsilon, **named)
        case "nadam":
            return keras.optimizers.Nadam(rate, **betas, **epsilon, **named)
        case _:
            assert_never(optimizer.name)


def _learning_rate(optimizer: Optimizer, steps: int | None) -> Any:
    """A number, or Keras' own schedule of it."""
    from keras.optimizers import schedules

    rate, schedule = optimizer.learning_rate, optimizer.schedule
    match schedule.name:
        case "constant":
            return rate
        case "inverse_time":
            return schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=schedule.decay)
        case "cosine":
            if steps is None:
                raise ValueError("a cosine goes down over the steps of the whole training: say how many there are")
            return schedules.CosineDecay(rate, decay_steps=steps)
        case _:
            assert_never(schedule.name)
