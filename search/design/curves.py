"""The learning curves of arms: over their replicates, the mean of each epoch and its 95 % interval."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from search.comparison.intervals import student_interval
from search.design.scores import Replicate
from storage.comparison import Comparison
from storage.records import TrialEpoch

Metric = Literal["loss", "accuracy", "val_loss", "val_accuracy"]
METRICS: tuple[Metric, ...] = ("accuracy", "val_accuracy", "loss", "val_loss")


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
    """An arm's curves, by metric."""

    arm: str
    points: Mapping[Metric, tuple[CurvePoint, ...]]

    def last(self, metric: Metric) -> CurvePoint | None:
        """The last epoch's point, None where nothing was measured."""
        points = self.points[metric]
        return points[-1] if points else None


def arm_curves(
    comparison: Comparison, replicates: Sequence[Replicate], epochs: Iterable[TrialEpoch]
) -> tuple[ArmCurves, ...]:
    """The curves of all arms."""
    arm_of_trial = {one.trial: one.place.arm for one in replicates}
    values: dict[tuple[int, Metric, int], list[float]] = defaultdict(list)
    for row in epochs:
        if row.trial_number in arm_of_trial:
            for metric in METRICS:
                value = getattr(row.scores, metric)
                if value is not None:
                    values[arm_of_trial[row.trial_number], metric, row.scores.epoch].append(value)
    return tuple(
        ArmCurves(arm.name, {metric: curve(values, number, metric) for metric in METRICS})
        for number, arm in enumerate(comparison.arms)
    )


def curve(values: Mapping[tuple[int, Metric, int], list[float]], arm: int, metric: Metric) -> tuple[CurvePoint, ...]:
    """One arm's curve of one metric."""
    epochs = sorted(epoch for number, name, epoch in values if (number, name) == (arm, metric))
    return tuple(curve_point(epoch, values[arm, metric, epoch]) for epoch in epochs)


def curve_point(epoch: int, scores: Sequence[float]) -> CurvePoint:
    """The point of one epoch."""
    mean, interval = float(np.mean(scores)), student_interval(np.array(scores, dtype=np.float64))
    low, high = (mean, mean) if interval is None else (interval.low, interval.high)
    return CurvePoint(epoch, mean, low, high, len(scores))
