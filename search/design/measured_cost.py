"""What trainings cost, as far as they tell: the parameters of their models, and the seconds of their epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from search.design.scores import Replicate, Scores
from search.study.trial_attributes import TrialAttributes
from storage import SharedStudy


@dataclass(frozen=True)
class MeasuredCost:
    """What a configuration costs: the parameters of its model, and the seconds of an epoch; the mean of what its
    trainings took, None where no training says so.
    """

    parameters: float | None
    epoch_seconds: float | None


def trainings(shared: SharedStudy, scores: Scores) -> list[tuple[Replicate, TrialAttributes]]:
    """The replicates that have a trial, with what that says of itself."""
    attributes = {trial.number: TrialAttributes.of(trial.user_attrs) for trial in shared.trials.all()}
    return [(one, attributes[one.trial]) for one in scores.replicates if one.trial in attributes]


def measured_cost(trained: Sequence[TrialAttributes]) -> MeasuredCost:
    """The mean cost of trainings."""
    parameters = [one.parameters for one in trained if one.parameters is not None]
    seconds = [one.epoch_seconds for one in trained if one.epoch_seconds is not None]
    return MeasuredCost(mean(parameters) if parameters else None, mean(seconds) if seconds else None)
