"""The epochs: each in an order of its own, trained, validated, scored."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from search.training.data.order import Order, order_of_epoch
from search.training.measuring.measurement import Measurement
from spaces.configuration import Augmentation
from spaces.epoch_scores import EpochScores
from spaces.errors import SpaceError

Stop = Callable[[], bool]
UNCHANGED = Augmentation()


@dataclass(frozen=True)
class Score:
    """Mean loss and accuracy over a set of images, NaN and infinity included."""

    loss: float
    accuracy: float


def score_of(results: Mapping[str, Any]) -> Score:
    """The score in what Keras gives of an epoch by name.

    Raises:
        SpaceError: a model that takes its steps by itself leaves one of the two out.
    """
    missing = [name for name in ("loss", "accuracy") if name not in results]
    if missing:
        raise SpaceError(
            f"the model's own train_step or test_step gives {', '.join(results) or 'nothing'}, and no "
            f"{' and no '.join(missing)}: let it track the loss, call self.compute_metrics(x, y, y_pred), and return "
            "self.get_metrics_result()"
        )
    return Score(float(results["loss"]), float(results["accuracy"]))


class EpochRunner(Protocol):
    """Trains and validates one compiled model on one split. However it does so, the scores are the same."""

    def steps_per_stop(self, steps: int) -> int:
        """How many of an epoch's `steps` it takes between two questions whether to stop."""

    def train(self, order: Order, stop: Stop) -> Score | None:
        """One epoch over the training images in that order, in batches; None if told to stop before its end."""

    def validate(self) -> Score:
        """The scores on the validation images."""

    def learning_rate(self) -> float:
        """That of the next step."""


@dataclass(frozen=True)
class Epochs:
    """The epochs to run, `first` to `last`, over `n_train` images. The seed decides the order of the images in each,
    and how they are augmented.
    """

    first: int
    last: int
    n_train: int
    seed: int
    augmentation: Augmentation = UNCHANGED

    def order(self, epoch: int) -> Order:
        """The order of an epoch."""
        return order_of_epoch(self.n_train, self.seed, epoch, self.augmentation)


def run_epochs(
    runner: EpochRunner, epochs: Epochs, stop: Stop, measurement: Measurement | None = None
) -> Iterator[EpochScores]:
    """Scores as they come, with the further metrics that are to be measured. Ends after the last epoch, after one that
    diverged, or as soon as told to stop.

    Raises:
        SpaceError: the model takes its steps by itself, and leaves out what is measured.
    """
    for epoch in range(epochs.first, epochs.last + 1):
        if stop():
            return
        started = time.perf_counter()
        trained = runner.train(epochs.order(epoch), stop)
        if trained is None:
            return
        validated, metrics = _validated(runner, measurement)
        seconds = time.perf_counter() - started
        scores = _scores(epoch, trained, validated, seconds, runner.learning_rate(), metrics)
        yield scores
        if scores.diverged:
            return


def _validated(runner: EpochRunner, measurement: Measurement | None) -> tuple[Score, dict[str, float]]:
    if measurement is None:
        return runner.validate(), {}
    with measurement.of_pass():
        score = runner.validate()
    return score, measurement.values()


def _scores(
    epoch: int, trained: Score, validated: Score, seconds: float, learning_rate: float, metrics: dict[str, float]
) -> EpochScores:
    return EpochScores(
        epoch, trained.loss, trained.accuracy, validated.loss, validated.accuracy, seconds, learning_rate, metrics
    )
