"""The metrics that a search can optimize, and that early stopping can watch. A new one is an entry of `METRICS`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from spaces.class_counts import ClassCounts, balanced_accuracy, macro_f1, top5_accuracy
from spaces.epoch_scores import EpochScores
from spaces.names import unknown_name
from spaces.probability_scores import auc, brier, calibration_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spaces.probability_scores import Weighted

ScoreName = Literal["accuracy", "val_accuracy", "loss", "val_loss"]
MetricName = Literal[
    "val_accuracy",
    "val_loss",
    "val_balanced_accuracy",
    "val_macro_f1",
    "val_auc",
    "val_top5",
    "val_brier",
    "val_ece",
]
PREFIX = "val_"  # of all of them, which people may leave out

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Metric:
    """A metric: its name in sentences, whether more of it is better, what guessing among a number of classes gives,
    between which bounds its values lie, and where they are among an epoch's scores. `is_share` says that a value is the
    share of images that were classified correctly, so that it has the interval of a proportion. It takes data of
    `least_classes` or more.

    Every epoch has its accuracy and its loss. Another metric is measured where it is asked for: `of_counts` makes it of
    counts of classes, `of_probabilities` of labels (n,) and probabilities (n, classes).
    """

    label: str
    direction: Direction
    guess: Callable[[int], float]
    bounds: tuple[float, float]
    of: Callable[[EpochScores], float | None]
    is_share: bool = False
    of_counts: Callable[[ClassCounts], float] | None = None
    of_probabilities: "Callable[[NDArray[Any], NDArray[Any]], Weighted] | None" = None
    least_classes: int = 2

    @property
    def asked_for(self) -> bool:
        """Whether it is measured only where it is asked for."""
        return self.of_counts is not None or self.of_probabilities is not None

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


def _measured(name: "MetricName") -> Callable[[EpochScores], float | None]:
    return lambda row: row.metrics.get(name)


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
        "val_balanced_accuracy": Metric(
            label="balanced validation accuracy",
            direction="maximize",
            guess=lambda classes: 1 / classes,
            bounds=(0.0, 1.0),
            of=_measured("val_balanced_accuracy"),
            of_counts=balanced_accuracy,
        ),
        "val_macro_f1": Metric(
            label="validation macro F1",
            direction="maximize",
            guess=lambda classes: 1 / classes,  # of classes of one size
            bounds=(0.0, 1.0),
            of=_measured("val_macro_f1"),
            of_counts=macro_f1,
        ),
        "val_auc": Metric(
            label="validation AUC",
            direction="maximize",
            guess=lambda _classes: 0.5,
            bounds=(0.0, 1.0),
            of=_measured("val_auc"),
            of_probabilities=auc,
        ),
        "val_top5": Metric(
            label="top-5 validation accuracy",
            direction="maximize",
            guess=lambda classes: min(1.0, 5 / classes),
            bounds=(0.0, 1.0),
            of=_measured("val_top5"),
            of_counts=top5_accuracy,
            least_classes=6,
        ),
        "val_brier": Metric(
            label="validation Brier score",
            direction="minimize",
            guess=lambda classes: 1 - 1 / classes,  # each class as probable as the others
            bounds=(0.0, 2.0),
            of=_measured("val_brier"),
            of_probabilities=brier,
        ),
        "val_ece": Metric(
            label="validation calibration error",
            direction="minimize",
            guess=lambda classes: 1 - 1 / classes,  # of a class named with certainty: an unsure guess is calibrated
            bounds=(0.0, 1.0),
            of=_measured("val_ece"),
            of_probabilities=calibration_error,
        ),
    }
)
DEFAULT_METRIC: MetricName = "val_accuracy"


def metric_name(text: str) -> MetricName:
    """The metric of that name, which may be without its val_.

    Raises:
        ValueError: there is none; says which there are, and which is the nearest.
    """
    for name in METRICS:
        if text in (name, name.removeprefix(PREFIX)):
            return name
    valid = METRICS if text.startswith(PREFIX) else [name.removeprefix(PREFIX) for name in METRICS]
    raise ValueError(unknown_name("metric", text, valid))
