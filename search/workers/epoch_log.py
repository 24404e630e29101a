"""The epochs of a trial in one attempt: stored in the ledger and in Optuna's trial at once, and shown to the pruner."""

import contextlib
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from optuna.exceptions import UpdateFinishedTrialError

from search.sampling.pruners import NO_PRUNER, promotion_rule, pruner_choice
from search.study.snapshot import find_best
from search.study.trial_attributes import TrialAttributes
from search.study.trials import open_trial, should_prune
from search.trainers.protocol import CHECKPOINT_EVERY_S, EpochEnd
from search.workers.context import WorkerContext
from search.workers.decision import Decision
from search.workers.patience import Patience
from spaces.epoch_scores import EpochScores
from storage.epoch_report import TrialScore
from storage.records import Lease
from storage.rungs import Rungs

log = logging.getLogger(__name__)


def open_epoch_log(context: WorkerContext, lease: Lease, patience: Patience) -> "EpochLog":
    """The log of a leased slot's trial: a new one, or one that earlier attempts have begun.

    Raises:
        LeaseLost: another worker holds the slot now.
        StorageUnreachable: the database was unreachable for too long.
    """
    shared = context.shared
    number = patience.reach(lambda: open_trial(shared, context.space, lease))
    earlier = [] if lease.trial_number is None else patience.reach(lambda: shared.ledger.epochs(number))
    return EpochLog(context, lease, number, {scores.epoch: scores for scores in earlier}, patience)


@dataclass
class EpochLog:
    """The epochs that the trainer has sent in this attempt at a trial, replayed ones included.

    Those that earlier attempts have recorded, in `recorded` by number, stand: they are what is reported, whatever is
    sent for them now.
    """

    context: WorkerContext
    lease: Lease
    trial_number: int
    recorded: Mapping[int, EpochScores]
    patience: Patience
    _sent: list[EpochScores] = field(default_factory=list)
    _progressed: bool = False
    _started_over: bool = False

    @property
    def last(self) -> int:
        """The number of the last epoch, 0 before the first."""
        return self._sent[-1].epoch if self._sent else 0

    @property
    def progressed(self) -> bool:
        """Whether this attempt has added an epoch to the ledger."""
        return self._progressed

    @property
    def seconds(self) -> list[float]:
        """The wall time of each epoch."""
        return [scores.seconds for scores in self._sent]

    def value(self, epoch: int | None = None) -> float | None:
        """The trial's value after an epoch, by default after the last; None if it isn't a finite number."""
        wanted = self.last if epoch is None else epoch
        return self.context.shared.manifest.value_of([scores for scores in self._sent if scores.epoch <= wanted])

    def record(self, message: EpochEnd) -> Decision:
        """Stores an epoch, in the ledger and in the trial, and asks the pruner what becomes of the trial.

        Raises:
            LeaseLost: another worker holds the slot now.
            StorageUnreachable: the database was unreachable for too long.
        """
        shared = self.context.shared
        scores = self.recorded.get(message.scores.epoch, message.scores)
        self._note_if_repeated(message)
        if self.context.mirror is not None and message.checkpointed and not message.replayed:
            self.context.mirror.put(self.lease)
        self._progressed |= self.patience.reach(
            lambda: shared.ledger.record_epoch(self.lease, scores, self._score(scores))
        )
        self._sent.append(scores)
        self.context.job_end.note_epoch(scores.seconds)
        return self._decision(message)

    def _score(self, scores: EpochScores) -> TrialScore:
        """The trial's value after this epoch, for Optuna."""
        shared = self.context.shared
        value = shared.manifest.value_of([*self._sent, scores])
        return TrialScore(shared.trials.ids[self.trial_number], math.nan if value is None else value)

    def _decision(self, message: EpochEnd) -> Decision:
        """An earlier attempt passed the pruner after each epoch but its last, where it may have been cut off before."""
        shared = self.context.shared
        to_judge = len(self.recorded) <= self.last < shared.manifest.epochs_per_trial
        if not to_judge or self.lease.settings.baseline is not None:
            return Decision.CONTINUE
        if (rungs := promotion_rule(shared.manifest)) is not None:
            return self._at_rung(rungs)
        if message.ended_folds and self.patience.reach(self._is_behind):
            return Decision.STOP
        if not pruner_choice(shared.manifest.pruner).judges(shared.manifest.epochs_per_trial, self.last):
            return Decision.CONTINUE
        stop = self.patience.reach(lambda: should_prune(shared, self.trial_number, self.context.pruner))
        return Decision.STOP if stop else Decision.CONTINUE

    def _at_rung(self, rungs: Rungs) -> Decision:
        """What promotion makes of the trial; one that it pauses is marked for dashboards, where it runs on."""
        if self.last not in rungs.epochs:
            return Decision.CONTINUE
        shared, value = self.context.shared, self.value()
        if self.patience.reach(lambda: shared.promotion.advance(self.lease, rungs, self.last, value)):
            return Decision.CONTINUE
        self._annotate(TrialAttributes(paused_after=self.last))
        return Decision.PAUSE

    def _annotate(self, attributes: TrialAttributes) -> None:
        number = self.trial_number
        with contextlib.suppress(UpdateFinishedTrialError):  # another worker may have ended it meanwhile
            self.patience.reach(lambda: self.context.shared.trials.fenced.annotate(number, attributes.stored()))

    def _is_behind(self) -> bool:
        """Whether the mean over the folds so far is worse than that of the best trial over the same folds. Not
        where no trial may end early, nor where early stopping gives folds different numbers of epochs.
        """
        shared, value = self.context.shared, self.value()
        manifest = shared.manifest
        best = None if manifest.pruner == NO_PRUNER or manifest.comparison is not None else find_best(shared)
        if best is None or value is None or self.last % manifest.epochs:
            return False
        values = shared.trials.get(best.number).intermediate_values
        rival = values.get(self.last)
        return len(values) == manifest.epochs_per_trial and rival is not None and manifest.goal.better(rival, value)

    def _note_if_repeated(self, message: EpochEnd) -> None:
        """Warns, once, if epochs which an earlier attempt has recorded are trained again because a checkpoint is
        missing: there is one after the first epoch, and then at most `CHECKPOINT_EVERY_S` apart.
        """
        first = message.scores.epoch
        if message.replayed or first not in self.recorded or self._started_over:
            return
        repeated = sum(scores.seconds for epoch, scores in self.recorded.items() if epoch >= first)
        if first > 1 and repeated <= 2 * CHECKPOINT_EVERY_S:
            return
        self._started_over = True
        before = TrialAttributes.of(self.context.shared.trials.get(self.trial_number).user_attrs).started_over or 0
        self._annotate(TrialAttributes(started_over=before + 1))
        log.warning(
            "trial %d starts again from epoch %d, of %d that are recorded: there is no later checkpoint in %s. "
            "Is the artifact folder the same for all hosts?",
            self.trial_number,
            message.scores.epoch,
            len(self.recorded),
            self.context.folder.slot(self.lease.slot),
        )
