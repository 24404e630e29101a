"""When training ends before its last epoch, and which epoch's model is kept: decided by the scores so far alone, so
that a resumed trial decides as an uninterrupted one.
"""

from collections.abc import Sequence

from spaces.configuration import EarlyStopping, Monitor
from spaces.epoch_scores import EpochScores


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


def best_epoch(monitor: Monitor, history: Sequence[EpochScores]) -> int:
    """The first epoch with the best score, counted from 1. A score that isn't finite is worse than any other."""
    sign = 1.0 if monitor == "val_loss" else -1.0

    def badness(scores: EpochScores) -> float:
        score: float | None = getattr(scores, monitor)
        return float("inf") if score is None else sign * score

    return min(range(len(history)), key=lambda index: badness(history[index])) + 1
