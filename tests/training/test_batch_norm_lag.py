"""Batch normalization's moving averages must not lag behind: a pruner would end good trials by their early scores."""

from collections.abc import Callable
from typing import Any

import pytest

from search.trainers.protocol import DataSource, EpochEnd
from search.training.jobs.job import Jobs
from spaces.configuration import BatchNorm, Configuration
from tests.helpers.piped_trainer import MakeJob

CHANCE = 0.1
EPOCHS = 4
DIGITS = DataSource("digits")


@pytest.fixture(params=["before_activation", "after_activation"])
def position(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def accuracies(keras: Any, job: MakeJob) -> Callable[[BatchNorm], list[float]]:
    """Trains on all digits, 18 steps per epoch, and gives the validation accuracy of each epoch."""

    def train(batch_norm: BatchNorm) -> list[float]:
        small = job(configuration=Configuration(batch_norm=batch_norm), epochs=EPOCHS, data=DIGITS, checkpoints=None)
        messages = Jobs().train(small, lambda: False)
        return [message.scores.val_accuracy or 0 for message in messages if isinstance(message, EpochEnd)]

    return train


def test_fitted_averages_follow_from_the_first_epoch(
    accuracies: Callable[[BatchNorm], list[float]], position: Any
) -> None:
    by_epoch = accuracies(BatchNorm(position))
    assert by_epoch[0] > 4 * CHANCE
    assert by_epoch[-1] > 0.9


def test_with_keras_own_momentum_the_same_model_scores_by_chance(
    accuracies: Callable[[BatchNorm], list[float]], position: Any
) -> None:
    assert accuracies(BatchNorm(position, momentum=0.99))[-1] < 2 * CHANCE
