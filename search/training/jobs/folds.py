"""The scores of a job of several folds: what its checkpoint has, and what it reports.

A checkpoint has the scores of each fold's epochs as they are, one fold after another, each counted from 1. What is
reported after an epoch is the mean of the folds so far, counted from 1 through all of them: after the last epoch it is
the mean of all folds. With one fold both are the same.
"""

from collections.abc import Iterable, Sequence
from statistics import fmean

import msgspec

from search.trainers.protocol import Train
from search.training.jobs.stopping import kept_epoch
from spaces.configuration import EarlyStopping
from spaces.epoch_scores import EpochScores

SCORES = ("loss", "accuracy", "val_loss", "val_accuracy")


def n_folds(job: Train) -> int:
    """How many models the job trains."""
    return job.data.folds or 1


def of_fold(job: Train, fold: int) -> Train:
    """The job's part on one fold, counted from 0; all of the job if it has no folds."""
    if not job.data.folds:
        return job
    return msgspec.structs.replace(job, data=msgspec.structs.replace(job.data, fold=fold))


def by_fold(scores: Iterable[EpochScores]) -> list[list[EpochScores]]:
    """The scores of each fold, of those that have been begun."""
    folds = list[list[EpochScores]]()
    for one in scores:
        if one.epoch == 1:
            folds.append([])
        folds[-1].append(one)
    return folds


def last_fold(scores: Sequence[EpochScores]) -> int:
    """The fold that the last of the epochs is of, counted from 0."""
    return max(0, sum(one.epoch == 1 for one in scores) - 1)


def reported(scores: Iterable[EpochScores], rule: EarlyStopping | None) -> list[EpochScores]:
    """What is said of each epoch: the mean of it and of those whose models the earlier folds kept."""
    means, finals = list[EpochScores](), list[EpochScores]()
    for history in by_fold(scores):
        for one in history:
            means.append(mean_of([*finals, one], len(means) + 1))
        finals.append(history[(kept_epoch(rule, history) or len(history)) - 1])
    return means


def mean_of(scores: Sequence[EpochScores], epoch: int) -> EpochScores:
    """The mean scores, with the time and the learning rate of the last; what one of them lacks has no mean."""
    means = {name: _mean([getattr(one, name) for one in scores]) for name in SCORES}
    known = [name for name in scores[-1].metrics if all(name in one.metrics for one in scores)]
    metrics = {name: fmean(one.metrics[name] for one in scores) for name in known}
    return msgspec.structs.replace(scores[-1], epoch=epoch, metrics=metrics, **means)


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return None
    return numbers[0] if len(numbers) == 1 else fmean(numbers)
