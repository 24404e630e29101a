"""What the tests of training share: a trainer process, Keras in this process, and the real data sets."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from search.datasets import load_dataset
from search.trainers.protocol import Train
from search.training.backends.process import compiling_backend
from search.training.backends.protocol import Backend
from search.training.data.split import Split, split
from search.training.models.building import InputSpec
from tests.helpers import backends
from tests.helpers.piped_trainer import MakeJob, PipedTrainer
from tests.helpers.trainer_jobs import small_job


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """These tests hold with every backend of Keras that compiles epochs, but for those that say why they don't."""
    marker = item.get_closest_marker("backends")
    if marker is not None and backends.NAME not in marker.args:
        pytest.skip(f"on {', '.join(marker.args)} alone: {marker.kwargs['reason']}")


@pytest.fixture(autouse=True)
def float32_again() -> Iterator[None]:
    """Jobs that are done in this process set Keras' precision, as a trainer's do: the next test has the default."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].config.set_dtype_policy("float32")


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


@pytest.fixture(scope="module")
def data() -> Split:
    """240 images for training: three batches of 64 and one of 48."""
    return split(load_dataset("digits"), 0.2, seed=1, limit_train=300)


@pytest.fixture(scope="module")
def spec(data: Split) -> InputSpec:
    """Of batches of 64 of these images."""
    return InputSpec(data.image_shape, 10, data.steps_per_epoch(64))


@pytest.fixture
def job(tmp_path: Path) -> MakeJob:
    """Makes jobs on a few of the digits, with a checkpoint after each epoch; what a test cares about it says."""

    def make(**changes: Any) -> Train:
        return small_job(**{"checkpoints": str(tmp_path / "slot"), "checkpoint_every": 0.0, **changes})

    return make
