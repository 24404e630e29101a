"""What is kept of a job for the next one: a program for each key, and none of the images."""

import gc
import weakref
from typing import Any

import pytest

from search.trainers.protocol import DataSource, Train, Trained
from search.training.backends.protocol import Backend
from search.training.backends.settings import SKELETON
from search.training.data.split import Split
from search.training.jobs.job import Jobs
from spaces.configuration import BatchNorm, Block, Configuration, Optimizer

SMALL = Configuration((Block((8,)),))


@pytest.fixture
def made(keras: Any, monkeypatch: pytest.MonkeyPatch) -> list[Configuration]:
    """The configurations for which programs have been made, one for each structure on every backend."""
    monkeypatch.setenv(SKELETON, "0")
    from search.training.shared_programs import shared_program as program

    found: list[Configuration] = []

    class Noted(program.SharedProgram):
        def __init__(self, configuration: Configuration, *given: Any, **named: Any) -> None:
            found.append(configuration)
            super().__init__(configuration, *given, **named)

    monkeypatch.setattr(program, "SharedProgram", Noted)
    return found


def train(jobs: Jobs, number: int, configuration: Configuration, **given: Any) -> None:
    """Has a job done on 160 images."""
    asked: dict[str, Any] = {"split_seed": 1, "batch_size": 64, **given}
    data, seed = DataSource("digits", limit_train=200), number
    job = Train(number, configuration, "bn_dropout", data, epochs=1, seed=seed, token=1, checkpoints=None, **asked)
    assert isinstance(list(jobs.train(job, lambda: False))[-1], Trained)


def test_replicates_of_a_comparison_share_programs_whatever_they_are_trained_on(made: list[Configuration]) -> None:
    jobs = Jobs()
    arms = [SMALL, Configuration(SMALL.blocks, batch_norm=BatchNorm("before_activation"))]
    for number in range(6):
        train(jobs, number, arms[number % 2], split_seed=number // 2)
    assert made == arms


def test_other_numbers_share_a_program_and_other_layers_and_batches_do_not(made: list[Configuration]) -> None:
    jobs = Jobs()
    faster = Configuration(SMALL.blocks, optimizer=Optimizer("momentum", 0.1))
    wider = Configuration((Block((16,)),))
    for number, configuration in enumerate([SMALL, faster, wider, SMALL]):
        train(jobs, number, configuration)
    train(jobs, 4, SMALL, batch_size=32)
    assert made == [SMALL, wider, SMALL]


def test_structures_that_share_a_skeleton_are_trained_by_one_program(
    made: list[Configuration], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SKELETON, "1")
    jobs, normalized = Jobs(), Configuration(SMALL.blocks, batch_norm=BatchNorm("before_activation"))
    for number, configuration in enumerate([SMALL, normalized, SMALL]):
        train(jobs, number, configuration)
    assert made == [SMALL]


def test_a_program_lets_go_of_images_that_it_was_trained_on(
    made: list[Configuration], backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[weakref.ref[Any]] = []

    kind = type(backend)
    to_device = kind.to_device

    def noted(backend: Backend, data: Split) -> Any:
        images = to_device(backend, data)
        held.extend(weakref.ref(one) for one in images)
        return images

    monkeypatch.setattr(kind, "to_device", noted)
    jobs = Jobs()
    for seed in range(4):  # the last two splits are kept
        train(jobs, seed, SMALL, split_seed=seed)
    gc.collect()
    assert [one() is not None for one in held] == [False, False] * 2 + [True, True] * 2
    assert len(made) == 1
