"""The objective of a study: its metric, and which of two values is better. "Best" is defined only here.

Values are ranked by `Objective.key`: better ones first, and of equals the trial with the lower number, in Python and in
SQL alike.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import sqlalchemy as sa

from spaces.epoch_scores import EpochScores
from spaces.metrics import METRICS, Direction, MetricName, loss_of

T = TypeVar("T")


@dataclass(frozen=True)
class Objective:
    """A metric and the direction in which to optimize it."""

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
        """The average value of guessing among this many classes."""
        return METRICS[self.metric].guess(classes)

    def better(self, value: float, other: float) -> bool:
        """Whether a value is better than another one."""
        return value > other if self.maximize else value < other

    def loss(self, value: float | None) -> float:
        """The value as something of which less is better; infinite where there is none, or it isn't a finite number."""
        return loss_of(self.direction, value)

    def key(self, value: float | None, trial_number: int) -> tuple[float, int]:
        """The sort key of trials, best first."""
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
        """The same order for SQL, for rows that have a value."""
        return value.desc() if self.maximize else value.asc(), trial_number.asc()
