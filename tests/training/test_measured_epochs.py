"""Further metrics come from an epoch's one validation: in shared programs, in compiled epochs and in `fit`, and for a
model that takes its steps by itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from search.datasets import load_dataset
from search.training.backends.protocol import Backend
from search.training.data.batch_source import StreamedBatches
from search.training.data.split import Split, split
from search.training.epochs.compiled_runner import CompiledRunner
from search.training.epochs.epochs import Epochs, run_epochs
from search.training.epochs.keras_runner import KerasRunner
from search.training.epochs.trainable_model import KerasTrainableModel, TrainableModel
from search.training.measuring.measurement import Measurement, Measurements
from search.training.measuring.scores import scores_of_logits
from search.training.models.building import InputSpec, compile_model, model_from_layers, seed_all, without_recorder
from spaces.configuration import Block, Configuration, Optimizer
from spaces.errors import SpaceError
from spaces.metrics import METRICS, MetricName
from tests.helpers import backends

BATCH, SEED, EPOCHS = 64, 7, 2
SMALL = Configuration((Block((4,)),), dense=(16,), optimizer=Optimizer("adam", 3e-3))
COUNTED: tuple[MetricName, ...] = ("val_balanced_accuracy", "val_macro_f1", "val_top5")
ALL = tuple(name for name, metric in METRICS.items() if metric.asked_for)

Ways = dict[str, TrainableModel]


@pytest.fixture(scope="module")
def data() -> Split:
    """60 images for validation: a batch that isn't full, too."""
    return split(load_dataset("digits"), 0.25, seed=1, limit_train=400)


def measured(model: TrainableModel, data: Split, measurement: Measurement | None) -> list[Any]:
    epochs = run_epochs(model, Epochs(1, EPOCHS, data.n_train, seed=9), lambda: False, measurement)
    return [(e.loss, e.accuracy, e.val_loss, e.val_accuracy, e.metrics) for e in epochs]


@pytest.fixture(scope="module")
def train(keras: Any, backend: Backend, data: Split) -> Callable[[str, Measurement | None], tuple[Any, list[Any]]]:
    """Trains in one of the three ways; returns the model and its scores."""
    from search.training.shared_programs.graph_cache import GraphCache
    from search.training.shared_programs.shared_program import SharedProgram

    spec = InputSpec(data.image_shape, 10, data.steps_per_epoch(BATCH))
    program = SharedProgram(SMALL, spec, BATCH, GraphCache(backend))
    images = backend.to_device(data)

    def run(way: str, measurement: Measurement | None) -> tuple[Any, list[Any]]:
        recorder = None if measurement is None else measurement.recorder
        if way == "program":
            program.begin(SMALL, SEED, EPOCHS, images, recorder)
            return program, measured(program, data, measurement)
        seed_all(SEED)
        model = model_from_layers(SMALL, spec)
        compile_model(model, SMALL, EPOCHS * spec.steps_per_epoch, recorder)
        by_fit = KerasRunner(model, data, BATCH, StreamedBatches(data, BATCH))
        trained = KerasTrainableModel(model, by_fit if way == "fit" else CompiledRunner(model, data, BATCH, backend))
        return trained, measured(trained, data, measurement)

    return run


@pytest.mark.parametrize("names", [COUNTED, COUNTED[:2], ALL], ids=["counted", "no top 5", "from logits"])
@pytest.mark.parametrize("way", ["program", "compiled", "fit"])
def test_an_epoch_has_the_metrics_of_its_logits_and_is_otherwise_as_without(
    train: Callable[..., Any], data: Split, way: str, names: tuple[MetricName, ...]
) -> None:
    plain, before = train(way, None)
    values = plain.values()
    model, scores = train(way, Measurements().measurement(names, data.y_val, 10))
    assert [row[:4] for row in scores] == [row[:4] for row in before]
    assert all(np.array_equal(one, other) for one, other in zip(values, model.values(), strict=True))
    logits = model.keras_model().predict(data.scaled(data.x_val), batch_size=BATCH, verbose=0)
    assert scores[-1][4] == pytest.approx(scores_of_logits(names, data.y_val, logits), abs=1e-6)
    assert before[-1][4] == {}


def test_nothing_is_recorded_where_every_epoch_has_what_is_asked_for(data: Split) -> None:
    assert Measurements().measurement(("val_accuracy", "val_loss"), data.y_val, 10) is None


def test_a_model_whose_own_step_leaves_the_metrics_out_is_told_so(keras: Any, data: Split, backend: Backend) -> None:
    class Silent(keras.Sequential):  # type: ignore[misc]
        """Takes its steps by itself."""

        def test_step(self, *given: Any) -> Any:
            if backends.NAME == "jax":  # there a step is a function of the state, too
                return {"loss": keras.ops.zeros(()), "accuracy": keras.ops.zeros(())}, given[0]
            ((images, labels),) = given
            self._loss_tracker.update_state(self.compute_loss(images, labels, self(images, training=False)))
            return {"loss": self._loss_tracker.result(), "accuracy": keras.ops.zeros(())}

    measurement = Measurements().measurement(("val_macro_f1",), data.y_val, 10)
    assert measurement is not None
    model = Silent([keras.Input(data.image_shape), keras.layers.Flatten(), keras.layers.Dense(10)])
    compile_model(model, SMALL, recorder=measurement.recorder)
    runner = KerasTrainableModel(model, CompiledRunner(model, data, BATCH, backend))
    with pytest.raises(SpaceError, match=r"test_step doesn't call self.compute_metrics"):
        measured(runner, data, measurement)


def test_a_model_is_written_without_what_recorded_it(keras: Any, data: Split) -> None:
    measurement = Measurements().measurement(("val_auc",), data.y_val, 10)
    assert measurement is not None
    model = model_from_layers(SMALL, InputSpec(data.image_shape, 10, 5))
    compile_model(model, SMALL, recorder=measurement.recorder)
    optimizer = model.optimizer
    assert "LogitsKeeper" in str(keras.saving.serialize_keras_object(model))
    assert "LogitsKeeper" not in str(keras.saving.serialize_keras_object(without_recorder(model)))
    assert model.optimizer is optimizer
