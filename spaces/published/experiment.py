"""The records of what was published."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from spaces.configuration import Configuration

DatasetName = Literal["cifar10", "mnist"]


class Arm(msgspec.Struct, frozen=True):
    """One of an experiment's ways: its configuration, the published value of each metric, the number of parameters
    (None: not published), and where it is from or what was assumed.
    """

    name: str
    configuration: Configuration
    published: Mapping[str, float]
    params: int | None
    source: str


class Experiment(msgspec.Struct, frozen=True):
    """Arms that were trained alike, and the question that they were to answer."""

    article: str
    name: str
    question: str
    dataset: DatasetName
    epochs: int
    batch_size: int
    arms: tuple[Arm, ...]


def scores(train: float, train_loss: float, test: float, test_loss: float) -> dict[str, float]:
    """Published scores by the names of their metrics; the first of each pair is the accuracy."""
    return {"train_accuracy": train, "train_loss": train_loss, "test_accuracy": test, "test_loss": test_loss}
