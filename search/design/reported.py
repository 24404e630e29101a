"""The metrics that a comparison reports next to its objective: of each arm the mean over its replicates."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from search.design.scores import Replicate
from search.statistics.intervals import student_interval
from search.study.reported_metrics import reported_metrics
from spaces.estimate import Estimate
from spaces.metrics import MetricName
from storage import Manifest
from storage.comparison import Comparison
from storage.records import TrialEpoch

if TYPE_CHECKING:
    from spaces.epoch_scores import EpochScores

ReportedMeans = Mapping[MetricName, Estimate]


def reported_means(
    manifest: Manifest, comparison: Comparison, replicates: Sequence[Replicate], epochs: Iterable[TrialEpoch]
) -> tuple[ReportedMeans, ...]:
    """For each arm, each metric's mean over the completed replicates that have it, with Student's interval: the mean
    itself for one replicate.
    """
    if not manifest.report_metrics:
        return tuple({} for _ in comparison.arms)
    curves: dict[int, list[EpochScores]] = defaultdict(list)
    for row in epochs:
        curves[row.trial_number].append(row.scores)
    values: dict[tuple[int, MetricName], list[float]] = defaultdict(list)
    for one in replicates:
        if one.failure is None and one.trial is not None:
            for name, value in reported_metrics(manifest, curves[one.trial], one.score).items():
                values[one.cell.arm, name].append(value)
    return tuple(
        {name: mean_of(values[arm, name]) for name in manifest.report_metrics if values[arm, name]}
        for arm in range(len(comparison.arms))
    )


def mean_of(values: Sequence[float]) -> Estimate:
    """The mean of some values, with its interval."""
    mean, interval = float(np.mean(values)), student_interval(np.array(values, dtype=np.float64))
    low, high = (mean, mean) if interval is None else (interval.low, interval.high)
    return Estimate(mean, low, high)
