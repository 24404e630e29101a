"""The axis of optimizers."""

from collections.abc import Sequence

from spaces.configuration import OPTIMIZERS, Optimizer, OptimizerName
from spaces.space import Trial, choose

LEARNING_RATES = (1e-4, 1.0)
MOMENTA = (0.5, 0.99)


def suggest_optimizer(trial: Trial, names: Sequence[OptimizerName] = OPTIMIZERS) -> Optimizer:
    """Asks for `optimizer`, `learning_rate` (log scale) and, for the optimizer `momentum`, its `momentum`.

    All optimizers share one range of learning rates, 1e-4 to 1, which is wide enough for each of them. Adadelta's is
    1.0 (Zeiler 2012, arXiv:1212.5701), SGD's near 1e-1, less with momentum, Adam's and RMSprop's near 1e-3; a rate
    below 1e-4 barely trains within the few epochs of a search. A range for each optimizer would change the
    distribution of `learning_rate` from trial to trial, which multivariate TPE and CMA-ES don't allow; a name for each
    would spread the few trials of a search over parameters that can't learn from each other. A sampler that models
    optimizer and learning rate jointly soon leaves the useless corners, such as Adam at 1.

    `momentum` lies in 0.5, where the schedule of Sutskever et al. 2013 ("On the importance of initialization and
    momentum in deep learning") starts, to 0.99. Below, it hardly differs from plain SGD, which is a choice of its own;
    above, it remembers more steps than a search's few epochs have.
    """
    name = choose(trial, "optimizer", names)
    learning_rate = trial.suggest_float("learning_rate", *LEARNING_RATES, log=True)
    momentum = trial.suggest_float("momentum", *MOMENTA) if name == "momentum" else 0.0
    return Optimizer(name, learning_rate, momentum)
