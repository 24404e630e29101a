"""What trainings cost, as far as they tell: the parameters of their models, and the seconds of their epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from search.design.scores import Replicate, Scores
from search.study.trial_attributes import TrialAttributes
from storage import SharedStudy

# Times that differ by less than this share aren't told apart: the same network takes a little longer now and then.
SECONDS_TIE = 0.25


@dataclass(frozen=True)
class MeasuredCost:
    """What a configuration costs: the parameters of its model, and the seconds of an epoch; the mean of what its
    trainings took, None where no training says so.
    """

    parameters: float | None
    epoch_seconds: float | None


def cheapest(costs: Sequence[MeasuredCost]) -> int:
    """The number of the cheapest: of those with the fewest parameters, and of these those that take hardly longer than
    the fastest, the first. What isn't known of one counts as more than what is known of another.
    """
    known = [one.parameters for one in costs if one.parameters is not None]
    smallest = [number for number, one in enumerate(costs) if not known or one.parameters == min(known)]
    times = [seconds for number in smallest if (seconds := costs[number].epoch_seconds) is not None]
    return next(
        number
        for number in smallest
        if not times
        or ((seconds := costs[number].epoch_seconds) is not None and seconds <= min(times) * (1 + SECONDS_TIE))
    )


def trainings(shared: SharedStudy, scores: Scores) -> list[tuple[Replicate, TrialAttributes]]:
    """The replicates that have a trial, with what that says of itself."""
    attributes = {trial.number: TrialAttributes.of(trial.user_attrs) for trial in shared.trials.all()}
    return [(one, attributes[one.trial]) for one in scores.replicates if one.trial in attributes]


def measured_cost(trained: Sequence[TrialAttributes]) -> MeasuredCost:
    """The mean cost of trainings."""
    parameters = [one.parameters for one in trained if one.parameters is not None]
    seconds = [one.epoch_seconds for one in trained if one.epoch_seconds is not None]
    return MeasuredCost(mean(parameters) if parameters else None, mean(seconds) if seconds else None)
