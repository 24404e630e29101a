"""Epochs: both runners give the same scores, and a stop is honored."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from search.datasets import load_dataset
from search.training.backends.process import compiling_backend, set_precision
from search.training.data.batch_source import StreamedBatches
from search.training.data.split import Split, split
from search.training.epochs.compiled_runner import CompiledRunner
from search.training.epochs.epochs import EpochRunner, Epochs, Score, run_epochs
from search.training.epochs.keras_runner import KerasRunner
from search.training.epochs.runner import make_runner
from search.training.models.building import InputSpec, build_model, compile_model
from spaces import load_space
from spaces.configuration import Augmentation, BatchNorm, Block, Configuration, Dropout, Optimizer
from spaces.epoch_scores import EpochScores
from spaces.precision import Precision
from tests.helpers.backends import as_fit, differing_from_fit

BATCH = 64
SMALL = (Block((8,)), Block((16,)))


@pytest.fixture(scope="module")
def data() -> Split:
    """240 images for training: three batches of 64 and one of 48."""
    return split(load_dataset("digits"), 0.2, seed=1, limit_train=300)


@pytest.fixture
def model(keras: Any, data: Split) -> Callable[[Configuration], Any]:
    """Makes compiled models; equal configurations give equal initial weights."""

    def make(configuration: Configuration) -> Any:
        keras.utils.set_random_seed(7)
        spec = InputSpec(data.image_shape, 10, data.steps_per_epoch(BATCH))
        model = build_model(load_space("bn_dropout"), configuration, spec)
        compile_model(model, configuration)
        return model

    return make


def never() -> bool:
    return False


def scores_of(runner: EpochRunner, data: Split, last: int = 3) -> list[tuple[Any, ...]]:
    epochs = run_epochs(runner, Epochs(1, last, len(data.x_train), seed=9), never)
    return [(e.epoch, e.loss, e.accuracy, e.val_loss, e.val_accuracy, e.learning_rate) for e in epochs]


def values_of(model: Any) -> list[Any]:
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


@pytest.mark.parametrize(
    "configuration",
    [
        Configuration(SMALL, optimizer=Optimizer("adam", 3e-3)),
        Configuration(
            SMALL,
            batch_norm=BatchNorm("before_activation"),
            dropout=(Dropout("before_every_dense", 0.4),),
            optimizer=Optimizer("rmsprop", 1e-3, 0.5),
        ),
        Configuration(
            SMALL,
            batch_norm=BatchNorm("after_activation"),
            dropout=(Dropout("after_normalization", 0.2),),
            optimizer=Optimizer("momentum", 0.05, 0.9),
        ),
    ],
    ids=["plain", "before", "after"],
)
def test_the_compiled_epochs_equal_those_of_fit(
    keras: Any, data: Split, model: Callable[[Configuration], Any], configuration: Configuration
) -> None:
    plain, compiled = model(configuration), model(configuration)
    by_fit = scores_of(KerasRunner(plain, data, BATCH), data)
    assert scores_of(compiled_runner(compiled, data, BATCH), data) == as_fit(by_fit)
    assert differing_from_fit(values_of(compiled), values_of(plain)) == []


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_they_do_so_in_every_precision(
    keras: Any, data: Split, model: Callable[[Configuration], Any], precision: Precision
) -> None:
    set_precision(precision)
    try:
        plain, compiled = model(Configuration(SMALL)), model(Configuration(SMALL))
    finally:
        set_precision("float32")
    assert isinstance(plain.optimizer, keras.optimizers.LossScaleOptimizer) == (precision == "mixed_float16")
    by_fit = scores_of(KerasRunner(plain, data, BATCH), data)
    assert scores_of(compiled_runner(compiled, data, BATCH), data) == as_fit(by_fit)
    assert differing_from_fit(values_of(compiled), values_of(plain)) == []


def compiled_runner(model: Any, data: Split, batch_size: int) -> CompiledRunner:
    backend = compiling_backend()
    assert backend is not None
    return CompiledRunner(model, data, batch_size, backend)


def streaming(model: Any, data: Split, batch_size: int) -> KerasRunner:
    return KerasRunner(model, data, batch_size, StreamedBatches(data, batch_size))


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(flip=True, shift=1)], ids=["plain", "moved"])
def test_many_images_are_streamed_with_the_same_scores_and_never_read_as_a_whole(
    data: Split, model: Callable[[Configuration], Any], augmentation: Augmentation
) -> None:
    watched = replace(data, x=data.x.view(Watched))
    whole, streamed = (
        [(e.loss, e.val_loss, e.accuracy, e.val_accuracy) for e in run_epochs(runner, epochs, never)]
        for epochs in [Epochs(1, 2, data.n_train, 9, augmentation)]
        for runner in (
            KerasRunner(model(Configuration(SMALL)), data, BATCH),
            streaming(model(Configuration(SMALL)), watched, BATCH),
        )
    )
    assert streamed == whole
    assert max(Watched.read) == BATCH


class Watched(np.ndarray[Any, np.dtype[np.uint8]]):
    """Images that note how many of them were taken at a time."""

    read: ClassVar[list[int]] = []

    def __getitem__(self, key: Any) -> Any:
        taken = super().__getitem__(key)
        self.read.append(len(taken))
        return taken


@pytest.mark.parametrize("runner", [KerasRunner, streaming, compiled_runner], ids=["whole", "streamed", "compiled"])
def test_an_epoch_can_be_stopped_before_its_end(
    data: Split, model: Callable[[Configuration], Any], runner: Callable[..., EpochRunner]
) -> None:
    order = Epochs(1, 1, len(data.x_train), seed=9).order(1)
    assert runner(model(Configuration(SMALL)), data, BATCH).train(order, stop=lambda: True) is None


def test_a_compiled_epoch_may_take_several_calls(
    data: Split, model: Callable[[Configuration], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_one = scores_of(compiled_runner(model(Configuration(SMALL)), data, BATCH), data)
    monkeypatch.setattr(type(compiling_backend()), "steps_per_call", lambda *_: 2)
    assert scores_of(compiled_runner(model(Configuration(SMALL)), data, BATCH), data) == in_one


def test_keras_own_models_take_the_compiled_way(data: Split, model: Callable[[Configuration], Any]) -> None:
    assert isinstance(make_runner(model(Configuration(SMALL)), data, BATCH, compiling_backend()), CompiledRunner)


def test_data_too_large_for_the_device_goes_through_fit_and_says_so(
    data: Split,
    model: Callable[[Configuration], Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("search.training.epochs.runner.LARGEST_ON_DEVICE", 1000)
    with caplog.at_level("INFO"):
        assert isinstance(make_runner(model(Configuration(SMALL)), data, BATCH, compiling_backend()), KerasRunner)
    assert "the epochs go through model.fit" in caplog.text


class Fixed:
    """An EpochRunner whose losses are given."""

    def __init__(self, *losses: float, val_loss: float = 1.0) -> None:
        self._losses = iter(losses)
        self._val_loss = val_loss

    def steps_per_stop(self, _steps: int) -> int:
        return 1

    def train(self, _order: Any, _stop: Any) -> Score:
        return Score(next(self._losses), 0.5)

    def validate(self) -> Score:
        return Score(self._val_loss, 0.5)

    def learning_rate(self) -> float:
        return 0.1


def run(runner: EpochRunner, last: int) -> list[EpochScores]:
    return list(run_epochs(runner, Epochs(1, last, 10, seed=0), never))


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_ends_the_epochs(loss: float) -> None:
    epochs = run(Fixed(1.0, loss, 1.0), last=3)
    assert [epoch.loss for epoch in epochs] == [1.0, None]
    assert epochs[-1].diverged == "the training loss of epoch 2 is not finite"


def test_so_does_a_validation_loss(data: Split) -> None:
    epochs = run(Fixed(1.0, 1.0, val_loss=float("inf")), last=2)
    assert [epoch.diverged for epoch in epochs] == ["the validation loss of epoch 1 is not finite"]


def test_no_epoch_begins_after_a_stop() -> None:
    told = itertools.count(1)
    epochs = run_epochs(Fixed(1.0, 1.0, 1.0), Epochs(1, 3, 10, seed=0), lambda: next(told) > 2)
    assert [epoch.epoch for epoch in epochs] == [1, 2]


def test_every_epoch_has_an_order_of_its_own_that_a_resumed_one_repeats() -> None:
    whole, resumed = Epochs(1, 9, 50, seed=4), Epochs(5, 9, 50, seed=4)
    assert whole.order(5).tolist() == resumed.order(5).tolist()
    assert whole.order(5).tolist() != whole.order(6).tolist()
    assert sorted(whole.order(5)) == list(range(50))
