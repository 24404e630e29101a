"""Fewer choices, and other ranges, than an axis offers by itself, for a space of your own.

    suggest_optimizer(offering(trial, choices={"optimizer": ("adam", "sgd")}, ranges={"learning_rate": (1e-4, 1e-2)}))

The axes' own sources stay as they are: studies store their fingerprints.
"""

from collections.abc import Mapping, Sequence

from spaces.configuration import Scalar
from spaces.errors import SpaceError
from spaces.narrowing import NarrowedTrial, Narrowing, Range
from spaces.space import Trial

ALL: Mapping[str, Sequence[Scalar]] = {}
WHOLE: Mapping[str, Range] = {}


def offering(trial: Trial, choices: Mapping[str, Sequence[Scalar]] = ALL, ranges: Mapping[str, Range] = WHOLE) -> Trial:
    """The trial, asked for these of an axis's choices, or for a number between these bounds, both included, whatever
    the axis offers; what isn't named is as the axis has it. A number with `choices` becomes one of these.

    Raises:
        SpaceError: a parameter has no choices, or both; or a lower bound is above the upper.
    """
    both = choices.keys() & ranges.keys()
    empty = [name for name, values in choices.items() if not values]
    reversed_ = [name for name, (low, high) in ranges.items() if low > high]
    for names, problem in (
        (both, "has choices and a range: give one of them"),
        (empty, "has no choices: give one or more"),
        (reversed_, "has a lower bound above the upper: give (low, high)"),
    ):
        if names:
            raise SpaceError(f"{', '.join(sorted(names))} {problem}")
    only = {name: tuple(values) for name, values in choices.items()}
    return NarrowedTrial(trial, Narrowing(only, dict(ranges)))
