"""The epochs of one fold of a job, trained one after another, with the states of the model that are needed later."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from search.trainers.protocol import Message, Progress, Train
from search.training.data.split import Split
from search.training.epochs.epochs import Epochs, Stop, run_epochs
from search.training.epochs.trainable_model import TrainableModel
from search.training.jobs.run import Values, finished
from search.training.jobs.step_reports import StepReports
from search.training.jobs.stopping import kept_epoch, why_over
from search.training.measuring.measurement import Measurement
from spaces.epoch_scores import EpochScores


@dataclass(eq=False)
class FoldEpochs:
    """The epochs of a job on one fold, after those `before`, on `data`, with what is measured after each; `say` sends a
    message while an epoch is under way.
    """

    job: Train
    model: TrainableModel
    data: Split
    before: Sequence[EpochScores]
    measurement: Measurement | None
    say: Callable[[Message], None]
    _states: dict[int, Values] = field(default_factory=dict)

    def trained(self, stop: Stop) -> Iterator[EpochScores]:
        """Their scores as they come, up to the epoch after which early stopping says no more."""
        history, job, checkpointed = list(self.before), self.job, -math.inf
        rule = job.configuration.early_stopping
        reports = self._reports(stop)
        reports.begin()
        for scores in run_epochs(self.model, self._epochs(), reports, self.measurement):
            reports.begin()
            history.append(scores)
            due = time.monotonic() - checkpointed >= job.checkpoint_every or finished(job, history)
            due = due or len(history) in job.checkpoint_after
            needed = (due and job.checkpoints is not None) or kept_epoch(rule, history) == len(history)
            if needed:
                self._states[scores.epoch] = self.model.values()
            yield scores
            checkpointed = time.monotonic() if needed else checkpointed
            if why_over(rule, history) is not None:
                return

    def take_state(self, epoch: int) -> Values | None:
        """The state of the model after an epoch, which is then forgotten here; None if it isn't needed."""
        return self._states.pop(epoch, None)

    def _epochs(self) -> Epochs:
        job = self.job
        order_seed = job.seed if job.order_seed is None else job.order_seed
        augmentation = job.configuration.inputs.augmentation
        return Epochs(len(self.before) + 1, job.epochs, self.data.n_train, order_seed, augmentation)

    def _reports(self, stop: Stop) -> StepReports:
        steps = self.data.steps_per_epoch(self.job.batch_size)
        return StepReports(
            stop,
            steps,
            self.model.steps_per_stop(steps),
            lambda done: self.say(Progress(self.job.job, done, steps)),
        )
