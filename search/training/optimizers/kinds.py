"""The optimizers: for each name the object of Keras, and the optimizer of a bank. Importing this module imports Keras.

A new optimizer is a name in `spaces/configuration.py`, a case here, and a class in `banked.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never

import keras

from search.training.optimizers.banked import (
    BankedAdadelta,
    BankedAdam,
    BankedAdamW,
    BankedMomentum,
    BankedNadam,
    BankedOptimizer,
    BankedRMSprop,
    BankedRMSpropWithMomentum,
    BankedSGD,
)
from spaces.configuration import EVERY_OPTIMIZER, Optimizer, OptimizerName

Create = Callable[..., Any]  # from a learning rate and Keras' own arguments to a `keras.optimizers.Optimizer`


@dataclass(frozen=True)
class OptimizerKind:
    """An optimizer as Keras has it, and as a bank has it.

    `create` is Keras' class; `settings` are its arguments besides the learning rate. `banked` is the bank's class of
    it, `with_momentum` that for a momentum above 0, for which Keras' optimizers have more state.
    """

    create: Create
    settings: Callable[[Optimizer], dict[str, Any]]
    banked: type[BankedOptimizer]
    with_momentum: type[BankedOptimizer] | None = None

    def banked_class(self, optimizer: Optimizer) -> type[BankedOptimizer]:
        """The bank's class for an optimizer of this kind. Optimizers of one class have the same state."""
        return self.with_momentum if self.with_momentum is not None and optimizer.momentum > 0 else self.banked


def kind_of(name: OptimizerName) -> OptimizerKind:
    """`sgd` is plain stochastic gradient descent, `momentum` the same with momentum."""
    optimizers = keras.optimizers
    match name:
        case "sgd":
            return OptimizerKind(optimizers.SGD, lambda _: {}, BankedSGD)
        case "momentum":
            return OptimizerKind(optimizers.SGD, _momentum, BankedSGD, BankedMomentum)
        case "rmsprop":
            return OptimizerKind(optimizers.RMSprop, _rmsprop, BankedRMSprop, BankedRMSpropWithMomentum)
        case "adam":
            return OptimizerKind(optimizers.Adam, _betas, BankedAdam)
        case "adadelta":
            return OptimizerKind(optimizers.Adadelta, _rho, BankedAdadelta)
        case "adamw":
            return OptimizerKind(optimizers.AdamW, _adamw, BankedAdamW)
        case "nadam":
            return OptimizerKind(optimizers.Nadam, _betas, BankedNadam)
        case _:
            assert_never(name)


def banked_classes() -> list[type[BankedOptimizer]]:
    """Those of all kinds, each once, in one order."""
    kinds = [kind_of(name) for name in EVERY_OPTIMIZER]
    classes = [banked for kind in kinds for banked in (kind.banked, kind.with_momentum) if banked is not None]
    return list(dict.fromkeys(classes))


def _momentum(optimizer: Optimizer) -> dict[str, Any]:
    return {"momentum": optimizer.momentum, "nesterov": optimizer.nesterov}


def _rmsprop(optimizer: Optimizer) -> dict[str, Any]:
    return {"momentum": optimizer.momentum, **_rho(optimizer)}


def _rho(optimizer: Optimizer) -> dict[str, Any]:
    return _given(rho=optimizer.rho, epsilon=optimizer.epsilon)


def _betas(optimizer: Optimizer) -> dict[str, Any]:
    return {"beta_1": optimizer.beta_1, "beta_2": optimizer.beta_2, **_given(epsilon=optimizer.epsilon)}


def _adamw(optimizer: Optimizer) -> dict[str, Any]:
    return {"weight_decay": optimizer.weight_decay, **_betas(optimizer)}


def _given(**settings: float | None) -> dict[str, Any]:
    """The settings that the record has; Keras' defaults stay where it has None."""
    return {name: value for name, value in settings.items() if value is not None}
