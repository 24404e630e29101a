"""What the tests of training share: a trainer process, Keras in this process, and the real data sets."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from search.trainers.protocol import DataSource, Train
from search.training.backends.process import compiling_backend
from search.training.backends.protocol import Backend
from spaces import Configuration
from tests.helpers.piped_trainer import MakeJob, PipedTrainer


@pytest.fixture(scope="session")
def backend(keras: Any) -> Backend:
    """That of Keras in this process, which compiles epochs."""
    backend = compiling_backend()
    assert backend is not None
    return backend


@pytest.fixture(scope="session")
def trainer(server_of_trainers: str | None) -> Iterator[PipedTrainer]:
    """A warm trainer for all tests, none of which ends it."""
    child = PipedTrainer(server_of_trainers)
    yield child
    child.close()


@pytest.fixture
def new_trainer(server_of_trainers: str | None) -> Iterator[Callable[[], PipedTrainer]]:
    """Makes trainers that a test may kill."""
    children: list[PipedTrainer] = []

    def start() -> PipedTrainer:
        children.append(PipedTrainer(server_of_trainers))
        return children[-1]

    yield start
    for child in children:
        child.close()


@pytest.fixture
def job(tmp_path: Path) -> MakeJob:
    """Makes jobs on a few of the digits; what a test cares about it says."""

    def make(**changes: Any) -> Train:
        job = Train(
            job=1,
            configuration=Configuration(),
            space="bn_dropout",
            data=DataSource("digits", limit_train=300),
            epochs=3,
            batch_size=64,
            seed=3,
            split_seed=5,
            token=1,
            checkpoints=str(tmp_path / "slot"),
        )
        return msgspec.structs.replace(job, **changes)

    return make
