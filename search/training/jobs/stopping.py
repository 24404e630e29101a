"""When training ends before its last epoch, and which epoch's model is kept: decided by the scores so far alone, so
that a resumed trial decides as an uninterrupted one.
"""

from collections.abc import Sequence

from spaces.configuration import EarlyStopping
from spaces.epoch_scores import EpochScores
from spaces.metrics import METRICS, MetricName


def why_over(rule: EarlyStopping | None, history: Sequence[EpochScores]) -> str | None:
    """Why training is over after these epochs, None if it isn't."""
    if rule is None or rule.patience is None or not history:
        return None
    best = best_epoch(rule.monitor, history)
    if len(history) - best < rule.patience:
        return None
    return f"early stopping: {rule.monitor} wasn't better than in epoch {best} for {rule.patience} epochs"


def kept_epoch(rule: EarlyStopping | None, history: Sequence[EpochScores]) -> int | None:
    """The epoch, counted from 1, to whose model training goes back in the end; None: it keeps the last."""
    return best_epoch(rule.monitor, history) if rule is not None and rule.restore_best and history else None


def best_epoch(monitor: MetricName, history: Sequence[EpochScores]) -> int:
    """The first epoch with the best score, counted from 1. A score that isn't finite is worse than any other."""
    metric = METRICS[monitor]
    return min(range(len(history)), key=lambda index: metric.loss(metric.of(history[index]))) + 1
