"""The metrics that a study reports next to its objective, of one trial."""

from collections.abc import Sequence

from spaces.epoch_scores import EpochScores
from spaces.metrics import METRICS, MetricName
from storage import Manifest


def reported_metrics(manifest: Manifest, curve: Sequence[EpochScores], value: float | None) -> dict[MetricName, float]:
    """The metrics after the epoch of the trial's value: the last of its epochs unless that has another value, because
    the model of an earlier one was kept. Metrics that aren't defined are left out.
    """
    if not curve or not manifest.report_metrics:
        return {}
    same = [row for row in curve if manifest.goal.of(row) == value]
    row = curve[-1] if not same or same[-1] is curve[-1] else same[0]
    found = {name: METRICS[name].of(row) for name in manifest.report_metrics}
    return {name: number for name, number in found.items() if number is not None}
