"""What a study looks for: which metric, and which of two values of it is better. Nothing else knows what "best" is.

A metric is an entry in `METRICS`. Its values are ranked by `Objective.key`: better ones first, and of equals the trial
with the lower number, in Python and in SQL alike.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Literal, TypeVar

import sqlalchemy as sa

from spaces.epoch_scores import EpochScores

T = TypeVar("T")
ScoreName = Literal["accuracy", "val_accuracy", "loss", "val_loss"]
MetricName = Literal["val_accuracy", "val_loss"]
Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Metric:
    """A metric: its name in sentences, whether more of it is better, what guessing among a number of classes gives,
    between which bounds its values lie, and where they are among an epoch's scores. `is_share` says that a value is the
    share of images that were classified correctly, so that it has the interval of a proportion.
    """

    label: str
    direction: Direction
    guess: Callable[[int], float]
    bounds: tuple[float, float]
    of: Callable[[EpochScores], float | None]
    is_share: bool = False


SCORES: Mapping[ScoreName, Callable[[EpochScores], float | None]] = MappingProxyType(
    {
        "accuracy": lambda row: row.accuracy,
        "val_accuracy": lambda row: row.val_accuracy,
        "loss": lambda row: row.loss,
        "val_loss": lambda row: row.val_loss,
    }
)

METRICS: Mapping[MetricName, Metric] = MappingProxyType(
    {
        "val_accuracy": Metric(
            label="validation accuracy",
            direction="maximize",
            guess=lambda classes: 1 / classes,
            bounds=(0.0, 1.0),
            of=SCORES["val_accuracy"],
            is_share=True,
        ),
        "val_loss": Metric(
            label="validation loss",
            direction="minimize",
            guess=math.log,
            bounds=(0.0, math.inf),
            of=SCORES["val_loss"],
        ),
    }
)


@dataclass(frozen=True)
class Objective:
    """A metric that is to be as high, or as low, as possible."""

    metric: MetricName
    direction: Direction

    @property
    def maximize(self) -> bool:
        """Whether a higher value is better."""
        return self.direction == "maximize"

    @property
    def label(self) -> str:
        """The metric's name in sentences."""
        return METRICS[self.metric].label

    @property
    def is_share(self) -> bool:
        """Whether a value is a share of images, so that it has the interval of a proportion."""
        return METRICS[self.metric].is_share

    def of(self, scores: EpochScores) -> float | None:
        """The value in the scores of an epoch, None where it isn't a finite number."""
        return METRICS[self.metric].of(scores)

    def guess(self, classes: int) -> float:
        """The value that guessing among so many classes has on average."""
        return METRICS[self.metric].guess(classes)

    def better(self, value: float, other: float) -> bool:
        """Whether a value is better than another one."""
        return value > other if self.maximize else value < other

    def loss(self, value: float | None) -> float:
        """The value as something of which less is better; infinite where there is none, or it isn't a finite number."""
        if value is None or not math.isfinite(value):
            return math.inf
        return -value if self.maximize else value

    def key(self, value: float | None, trial_number: int) -> tuple[float, int]:
        """What trials are sorted by, the best first."""
        return self.loss(value), trial_number

    def ranked(self, items: Iterable[T], key: Callable[[T], tuple[float | None, int]]) -> list[T]:
        """The items, best first; `key` gives the value and the trial's number of each."""
        return sorted(items, key=lambda item: self.key(*key(item)))

    def running_best(self, values: Iterable[float]) -> list[float]:
        """For each of the values, the best up to it."""
        return list(accumulate(values, max if self.maximize else min))

    def sql_order(
        self, value: sa.ColumnElement[float], trial_number: sa.ColumnElement[int]
    ) -> tuple[sa.ColumnElement[float], sa.ColumnElement[int]]:
        """What SQL sorts by to get the same order, where every row has a value."""
        return value.desc() if self.maximize else value.asc(), trial_number.asc()
