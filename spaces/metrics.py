"""The metrics that a search can optimize, and that early stopping can watch. A new one is an entry of `METRICS`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from spaces.epoch_scores import EpochScores

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

    def loss(self, value: float | None) -> float:
        """The value as something of which less is better, see `loss_of`."""
        return loss_of(self.direction, value)


def loss_of(direction: Direction, value: float | None) -> float:
    """A value as something of which less is better; infinite where there is none, or it isn't a finite number."""
    if value is None or not math.isfinite(value):
        return math.inf
    return -value if direction == "maximize" else value


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
DEFAULT_METRIC: MetricName = "val_accuracy"
