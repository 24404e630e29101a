"""The learning curves of arms: over their replicates, the mean of each epoch and its 95 % interval."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from search.design.scores import Replicate
from search.statistics.intervals import student_interval
from spaces.epoch_scores import EpochScores
from spaces.metrics import SCORES, ScoreName
from storage.comparison import Comparison

ScoresOfArms = Mapping[tuple[int, ScoreName, int], list[float]]  # by arm, score and epoch


@dataclass(frozen=True)
class CurvePoint:
    """An epoch, counted from 1: the mean of `n` replicates, and its 95 % interval, which is the mean itself for one."""

    epoch: int
    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ArmCurves:
    """An arm's curves, by score."""

    arm: str
    points: Mapping[ScoreName, tuple[CurvePoint, ...]]

    def last(self, score: ScoreName) -> CurvePoint | None:
        """The last epoch's point, None where nothing was measured."""
        points = self.points[score]
        return points[-1] if points else None


def arm_curves(
    comparison: Comparison, replicates: Sequence[Replicate], curves: Mapping[int, Sequence[EpochScores]]
) -> tuple[ArmCurves, ...]:
    """The curves of all arms; `curves` are the epochs of trials, by their number."""
    arm_of_trial = {one.trial: one.cell.arm for one in replicates}
    values: dict[tuple[int, ScoreName, int], list[float]] = defaultdict(list)
    for trial, epochs in curves.items():
        if trial in arm_of_trial:
            for scores, (name, score_of) in product(epochs, SCORES.items()):
                value = score_of(scores)
                if value is not None:
                    values[arm_of_trial[trial], name, scores.epoch].append(value)
    return tuple(
        ArmCurves(arm.name, {name: curve(values, number, name) for name in SCORES})
        for number, arm in enumerate(comparison.arms)
    )


def curve(values: ScoresOfArms, arm: int, score: ScoreName) -> tuple[CurvePoint, ...]:
    """One arm's curve of one score."""
    epochs = sorted(epoch for number, name, epoch in values if (number, name) == (arm, score))
    return tuple(curve_point(epoch, values[arm, score, epoch]) for epoch in epochs)


def curve_point(epoch: int, scores: Sequence[float]) -> CurvePoint:
    """The point of one epoch."""
    mean, interval = float(np.mean(scores)), student_interval(np.array(scores, dtype=np.float64))
    low, high = (mean, mean) if interval is None else (interval.low, interval.high)
    return CurvePoint(epoch, mean, low, high, len(scores))
