"""A training job on its way through its folds."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from search.trainers.protocol import EpochEnd, Message, Train, Warned
from search.training.epochs.trainable_model import TrainableModel
from search.training.jobs.checkpoint import Checkpoints, Resumed
from search.training.jobs.folds import by_fold, last_fold, n_folds, of_fold, reported
from search.training.jobs.stopping import why_over
from spaces import Space
from spaces.epoch_scores import EpochScores

NOTHING = Resumed((), ())

Values = Sequence[NDArray[Any]]


@dataclass(eq=False)
class Run:
    """A training job on its way: the fold that it is at, counted from 0, and the scores of all epochs so far, each
    fold's counted from 1. A job without folds has one. `resumed` says that it has taken up its checkpoint, if any.
    """

    job: Train
    space: Space
    checkpoints: Checkpoints | None
    fold: int = 0
    scores: list[EpochScores] = field(default_factory=list)
    resumed: bool = False
    over: bool = False

    def __post_init__(self) -> None:
        self.fold = last_fold(self.checkpoints.newest()) if self.checkpoints else 0

    @property
    def part(self) -> Train:
        """The job on the current fold."""
        return of_fold(self.job, self.fold)

    @property
    def history(self) -> list[EpochScores]:
        """The scores of the current fold's epochs."""
        folds = by_fold(self.scores)
        return list(folds[self.fold]) if self.fold < len(folds) else []

    @property
    def reported(self) -> list[EpochScores]:
        """What is said of the epochs."""
        return reported(self.scores, self.job.configuration.early_stopping)

    def resume(self, model: TrainableModel) -> Generator[Message, None, Values | None]:
        """Brings the model to the state of the newest checkpoint that can be used, if it is of this fold; returns the
        values of the kept epoch.
        """
        resumed = self.checkpoints.resume(model) if self.checkpoints else NOTHING
        yield from (Warned(self.job.job, problem) for problem in resumed.problems)
        found = last_fold(resumed.history)
        if found != self.fold:
            self.fold = found
            return None
        self.resumed, self.scores = True, list(resumed.history)
        yield from (EpochEnd(self.job.job, scores, replayed=True) for scores in self.reported)
        return resumed.kept

    def ends_with(self, history: Sequence[EpochScores]) -> bool:
        """Whether nothing is to come after the current fold's epochs: it is the last, was stopped, or diverged."""
        last = self.fold + 1 == n_folds(self.job)
        return last or not finished(self.job, history) or diverged(history) is not None

    def epoch_end(self, *, checkpointed: bool) -> EpochEnd:
        """The message about the last epoch."""
        done = self.job.data.folds > 0 and finished(self.job, self.history)
        return EpochEnd(
            self.job.job, self.reported[-1], checkpointed=checkpointed, ended_folds=self.fold + 1 if done else 0
        )


def finished(job: Train, history: Sequence[EpochScores]) -> bool:
    """Whether nothing is to come after these epochs of one fold."""
    over = why_over(job.configuration.early_stopping, history)
    return len(history) >= job.epochs or diverged(history) is not None or over is not None


def diverged(history: Sequence[EpochScores]) -> str | None:
    """Why it makes no sense to go on, None if it does."""
    return history[-1].diverged if history else None
