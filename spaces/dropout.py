"""The axis of dropout: where, and how much."""

from collections.abc import Sequence
from typing import Literal

from spaces.configuration import DROPOUT_POSITIONS, Dropout, DropoutPosition
from spaces.space import Trial, choose

RATES = (0.1, 0.6)


def suggest_dropout(trial: Trial, positions: Sequence[DropoutPosition] = DROPOUT_POSITIONS) -> tuple[Dropout, ...]:
    """Asks for `dropout_position`, "none" among its choices, and, unless it is none, for `dropout_rate`.

    The rate lies in 0.1 to 0.6, around the 0.2 to 0.5 that Srivastava et al. 2014 ("Dropout: a simple way to prevent
    neural networks from overfitting") recommend. A rate below 0.1 hardly differs from no dropout, which is a choice
    of its own.
    """
    choices: tuple[DropoutPosition | Literal["none"], ...] = ("none", *positions)
    position = choose(trial, "dropout_position", choices)
    if position == "none":
        return ()
    return (Dropout(position, trial.suggest_float("dropout_rate", *RATES)),)
