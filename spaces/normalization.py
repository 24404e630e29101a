"""The axis of batch normalization."""

from collections.abc import Sequence

from spaces.configuration import BATCH_NORM_POSITIONS, BatchNorm, BatchNormPosition
from spaces.space import Trial, choose


def suggest_batch_norm(trial: Trial, positions: Sequence[BatchNormPosition] = BATCH_NORM_POSITIONS) -> BatchNorm:
    """Asks for `batch_norm`: none, before or after the activation. Its momentum stays fitted (see BatchNorm)."""
    return BatchNorm(choose(trial, "batch_norm", positions))
