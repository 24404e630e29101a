"""Measurements stored with a finished trial."""

import socket
import statistics
from collections.abc import Sequence

from search.study.trial_attributes import TrialAttributes
from search.trainers.protocol import Ready, Trained


def trial_stats(
    ready: Ready, trained: Trained | None, epoch_seconds: Sequence[float], memory_mb: float
) -> TrialAttributes:
    """The measurements of a trial on this host, whose epochs took these seconds; its trainer holds `memory_mb`.
    `trained` is None if it was stopped before its end, or failed.
    """
    whole = trained if trained is not None and trained.diverged is None else None
    peak = None if whole is None else whole.peak_memory_mb
    return TrialAttributes(
        host=socket.gethostname(),
        device=ready.device,
        backend=ready.backend,
        parameters=None if whole is None else whole.parameters,
        model_problem=None if whole is None else whole.not_kept,
        epoch_seconds=statistics.median(epoch_seconds) if epoch_seconds else None,
        trainer_memory_mb=round(memory_mb),
        trainer_peak_memory_mb=None if peak is None else round(peak),
    )
