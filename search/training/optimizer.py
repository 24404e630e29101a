"""From the record of an optimizer to Keras' own."""

from typing import Any

from spaces.configuration import Optimizer

WITH_MOMENTUM = ("momentum", "rmsprop")


def momentum_of(optimizer: Optimizer) -> float:
    """The momentum that an optimizer works with: 0 for those that ignore it."""
    return optimizer.momentum if optimizer.name in WITH_MOMENTUM else 0.0


def make_optimizer(optimizer: Optimizer) -> Any:
    """A new `keras.optimizers.Optimizer`; what the record doesn't say stays at Keras' defaults.

    `sgd` is plain stochastic gradient descent, `momentum` the same with classical (not Nesterov's) momentum.
    """
    import keras

    rate, momentum = optimizer.learning_rate, optimizer.momentum
    match optimizer.name:
        case "sgd":
            return keras.optimizers.SGD(rate)
        case "momentum":
            return keras.optimizers.SGD(rate, momentum=momentum)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate, momentum=momentum)
        case "adam":
            return keras.optimizers.Adam(rate)
        case "adadelta":
            return keras.optimizers.Adadelta(rate)
