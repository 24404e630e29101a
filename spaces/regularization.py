"""The axis of penalties on weights."""

from spaces.configuration import Kernels, Regularization
from spaces.space import Trial, choose

PENALTIES = ("none", "l1", "l2", "l1_l2")
L1 = (1e-6, 1e-3)
L2 = (1e-5, 1e-1)


def suggest_regularization(trial: Trial, kernels: Kernels = "all") -> Regularization:
    """Asks for `penalty` and, where it is one, for `l1` and `l2` (log scale), on kernels of convolutions or on all.

    An L2 of 1e-2 was published with a small CNN that it made worse, weight decays of 1e-4 to 5e-4 are usual with larger
    ones: the range has both. An absolute value is larger than its square where weights are small: hence the smaller L1.
    """
    penalty = choose(trial, "penalty", PENALTIES)
    l1 = trial.suggest_float("l1", *L1, log=True) if penalty in ("l1", "l1_l2") else 0.0
    l2 = trial.suggest_float("l2", *L2, log=True) if penalty in ("l2", "l1_l2") else 0.0
    return Regularization(l1, l2, kernels) if penalty != "none" else Regularization()
