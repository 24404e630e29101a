"""The axis of the learning rate alone, for spaces whose question isn't about optimizers."""

from spaces.configuration import Optimizer
from spaces.space import Trial

ADAM_RATES = (1e-4, 1e-2)


def suggest_adam(trial: Trial) -> Optimizer:
    """Adam, and asks for its `learning_rate`: around the 1e-3 of Kingma and Ba 2015 (arXiv:1412.6980), log scale.

    It is asked for because the best one differs between networks: at one rate for all, the comparison would be of how
    well each suits that rate.
    """
    return Optimizer("adam", trial.suggest_float("learning_rate", *ADAM_RATES, log=True))
