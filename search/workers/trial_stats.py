"""Measurements stored with a finished trial."""

import socket
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from search.trainers.protocol import Ready, Trained


@dataclass(frozen=True)
class TrialStats:
    """Measurements stored with a finished trial.

    `parameters` counts the model's, `epoch_seconds` is the median of its epochs. Memory is resident and in MB: what the
    trainer held at the end of the trial, and at most since it was started, for any trial. `model_problem` says why the
    model can't be kept.
    """

    host: str
    device: str
    backend: str
    parameters: int | None = None
    model_problem: str | None = None
    epoch_seconds: float | None = None
    trainer_memory_mb: float | None = None
    trainer_peak_memory_mb: float | None = None


def trial_stats(ready: Ready, trained: Trained | None, epoch_seconds: Sequence[float], memory_mb: float) -> TrialStats:
    """The measurements of a trial on this host; `trained` is None if it was stopped before its end, or failed."""
    whole = trained if trained is not None and trained.diverged is None else None
    peak = None if whole is None else whole.peak_memory_mb
    return TrialStats(
        host=socket.gethostname(),
        device=ready.device,
        backend=ready.backend,
        parameters=None if whole is None else whole.parameters,
        model_problem=None if whole is None else whole.not_kept,
        epoch_seconds=statistics.median(epoch_seconds) if epoch_seconds else None,
        trainer_memory_mb=round(memory_mb),
        trainer_peak_memory_mb=None if peak is None else round(peak),
    )
