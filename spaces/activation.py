"""The axis of activation functions."""

from collections.abc import Sequence

from spaces.configuration import ACTIVATIONS, Activation
from spaces.space import Trial, choose

LEAKY_SLOPE = 0.01


def suggest_activation(trial: Trial, functions: Sequence[Activation] = ACTIVATIONS) -> Activation:
    """Asks for `activation`.

    Where leaky_relu is among them, give the configuration `negative_slope=LEAKY_SLOPE`, the 0.01 of Maas et al. 2013
    ("Rectifier nonlinearities improve neural network acoustic models"); Keras' own default is 0.2. The slopes of prelu
    are learned (He et al. 2015, arXiv:1502.01852).
    """
    return choose(trial, "activation", functions)
