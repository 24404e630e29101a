"""What a comparison measured: the score of each arm on each replicate, and the differences between two arms."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.errors import UsageError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int_]
BoolArray = NDArray[np.bool_]

FEWEST_ARMS = 2
FEWEST_REPLICATES = 2
# Two differences of scores that are equal as fractions are equal as floats only up to rounding; ties must stay ties.
DECIMALS = 12
SMALLEST_STEP = 10.0**-DECIMALS
# Keras computes accuracies in single precision: this far from a whole number of images, none is off by rounding.
ROUNDING_IMAGES = 0.02


@dataclass(frozen=True)
class ArmScores:
    """One arm: its name, and its scores by replicate. Replicate k of every arm has the same split, initialization seed
    and batch order. A replicate whose trial failed is left out.

    `images` is there if scores are accuracies: how many images each is a share of.
    """

    name: str
    scores: Mapping[int, float]
    images: int | None = None


def check_arms(arms: Sequence[ArmScores]) -> None:
    """Whether the arms can be compared at all.

    Raises:
        UsageError: fewer than two arms, two of one name, a score that isn't finite, or no two arms with two common
            replicates.
    """
    names = [arm.name for arm in arms]
    if len(names) < FEWEST_ARMS:
        given = f"only {names[0]!r} was given" if names else "none was given"
        raise UsageError(f"a comparison needs at least two arms, and {given}")
    if twice := {name for name in names if names.count(name) > 1}:
        raise UsageError(f"each arm needs a name of its own: {', '.join(sorted(twice))} is there more than once")
    for arm in arms:
        check_finite(arm)
    most = most_in_common(arms)
    if most < FEWEST_REPLICATES:
        raise UsageError(
            f"no two arms have two replicates in common ({most} at most): one replicate can't tell a difference between"
            " arms from the spread between seeds; ask for at least 2, better 8"
        )


def check_finite(arm: ArmScores) -> None:
    """Whether every score of the arm is a number.

    Raises:
        UsageError: one isn't.
    """
    for replicate, score in sorted(arm.scores.items()):
        if not math.isfinite(score):
            raise UsageError(
                f"arm {arm.name!r}, replicate {replicate}: {score} isn't a finite score; leave a replicate out "
                "whose trial failed, and give one whose training diverged the score that it reached before, or that of "
                "guessing"
            )


def pairs(arms: Sequence[ArmScores]) -> list[tuple[ArmScores, ArmScores]]:
    """Every pair of arms, each once, in the arms' order."""
    return [(first, second) for place, first in enumerate(arms) for second in arms[place + 1 :]]


def most_in_common(arms: Sequence[ArmScores]) -> int:
    """The most replicates that any two arms have in common."""
    return max((len(first.scores.keys() & second.scores.keys()) for first, second in pairs(arms)), default=0)


def differences(first: ArmScores, second: ArmScores) -> FloatArray:
    """First minus second on each replicate that both have, by replicate: shape (n,), in the scores' unit."""
    common = sorted(first.scores.keys() & second.scores.keys())
    pairs = [(exact(first, first.scores[one]), exact(second, second.scores[one])) for one in common]
    return np.round([score - other for score, other in pairs], DECIMALS)


def exact(arm: ArmScores, score: float) -> float:
    """The score of an arm without the rounding to single precision: a whole number of correct images divided by all
    images.

    Other scores, such as the average accuracy of guessing, are returned unchanged.
    """
    if arm.images is None:
        return score
    right = round(score * arm.images)
    return right / arm.images if abs(score * arm.images - right) < ROUNDING_IMAGES else score


def step_of(first: ArmScores, second: ArmScores) -> float:
    """What differences between the two arms' scores are whole multiples of."""
    return 1 / first.images if first.images is not None and first.images == second.images else SMALLEST_STEP


def missing(arms: Sequence[ArmScores]) -> list[tuple[int, ...]]:
    """For each arm the replicates that another arm has and it hasn't."""
    every = set().union(*(arm.scores.keys() for arm in arms))
    return [tuple(sorted(every - arm.scores.keys())) for arm in arms]
