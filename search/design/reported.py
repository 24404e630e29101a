"""The metrics that a comparison reports next to its objective: of each arm the mean over its replicates."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from search.design.scores import Replicate
from search.statistics.intervals import student_interval
from search.study.reported_metrics import reported_metrics
from spaces.epoch_scores import EpochScores
from spaces.estimate import Estimate
from spaces.metrics import MetricName
from storage import Manifest
from storage.comparison import Comparison

ReportedMeans = Mapping[MetricName, Estimate]


def reported_means(
    manifest: Manifest,
    comparison: Comparison,
    replicates: Sequence[Replicate],
    curves: Mapping[int, Sequence[EpochScores]],
) -> tuple[ReportedMeans, ...]:
    """For each arm, each metric's mean over the completed replicates that have it, with Student's interval: the mean
    itself for one replicate. `curves` are the epochs of trials, by their number.
    """
    if not manifest.report_metrics:
        return tuple({} for _ in comparison.arms)
    values: dict[tuple[int, MetricName], list[float]] = defaultdict(list)
    for one in replicates:
        if one.failure is None and one.trial is not None:
            for name, value in reported_metrics(manifest, curves.get(one.trial, ()), one.score).items():
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
