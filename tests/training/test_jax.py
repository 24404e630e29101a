"""What holds on JAX alone, or is said of it: its programs and `fit` differ by rounding."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from search.host.program_folder import executable_files, program_folder
from search.training.backends.process import device_name
from search.training.backends.protocol import Backend
from search.training.data.split import Split
from search.training.epochs.compiled_runner import CompiledRunner
from search.training.epochs.epochs import Epochs, run_epochs
from search.training.epochs.keras_runner import KerasRunner
from search.training.epochs.runner import make_runner
from search.training.epochs.trainable_model import KerasTrainableModel, TrainableModel
from search.training.models.building import InputSpec, compile_model, model_from_layers, seed_all
from spaces.configuration import (
    Augmentation,
    BatchNorm,
    Block,
    Configuration,
    Dropout,
    Optimizer,
    Regularization,
    Schedule,
)

BATCH = 64
SEED = 7
ROUNDING = 1e-5

pytestmark = pytest.mark.backends("jax", reason="the other tests of training say more where nothing is rounded")

# A bias before normalization has no gradient but rounding errors, which Adam makes as large as any.
PENALIZED = Configuration(
    (Block((4,)),),
    dense=(8,),
    batch_norm=BatchNorm("after_activation"),
    dropout=(Dropout("before_every_dense", 0.3),),
    regularization=Regularization(l1=1e-4, l2=1e-3),
)
OPTIMIZERS = [
    Optimizer("sgd", 0.05),
    Optimizer("momentum", 0.03, 0.9, schedule=Schedule("inverse_time", 0.01)),
    Optimizer("rmsprop", 1e-3, 0.6),
    Optimizer("adam", 3e-3, schedule=Schedule("cosine")),
    Optimizer("adadelta", 1.0),
    Optimizer("adamw", 3e-3, weight_decay=0.02),
    Optimizer("nadam", 2e-3),
]


@pytest.fixture(scope="module")
def program(backend: Backend, spec: InputSpec) -> Any:
    """One program for all that is trained here."""
    from search.training.shared_programs.graph_cache import GraphCache
    from search.training.shared_programs.shared_program import SharedProgram

    return SharedProgram(PENALIZED, spec, BATCH, GraphCache(backend))


@pytest.fixture
def compiled_model(keras: Any, spec: InputSpec) -> Callable[[Configuration], Any]:
    """Makes compiled models of Keras' own layers."""

    def make(configuration: Configuration) -> Any:
        seed_all(SEED)
        model = model_from_layers(configuration, spec)
        compile_model(model, configuration, 2 * spec.steps_per_epoch)
        return model

    return make


def scores_of(model: Any, data: Split, augmentation: Augmentation = Augmentation(), last: int = 1) -> list[float]:  # noqa: B008  it is frozen
    epochs = run_epochs(model, Epochs(1, last, data.n_train, 9, augmentation), lambda: False)
    return [score for e in epochs for score in (e.loss or 0, e.accuracy or 0, e.val_loss or 0, e.val_accuracy or 0)]


def largest_difference(one: TrainableModel, other: TrainableModel) -> float:
    pairs = zip(one.values(), other.values(), strict=True)
    return max(float(np.max(np.abs(a.astype(float) - b.astype(float)))) for a, b in pairs)


def test_keras_computes_with_jax_on_this_processor(keras: Any) -> None:
    assert keras.config.backend() == "jax"
    assert device_name().startswith("CPU")


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: f"{o.name}-{o.schedule.name}")
def test_one_program_trains_as_fit_with_every_optimizer_and_schedule_but_for_rounding(
    program: Any, compiled_model: Callable[[Configuration], Any], data: Split, backend: Backend, optimizer: Optimizer
) -> None:
    configuration, augmented = replace_optimizer(optimizer), Augmentation(flip=True, shift=1)
    model = compiled_model(configuration)
    by_fit = KerasTrainableModel(model, KerasRunner(model, data, BATCH))
    expected = scores_of(by_fit, data, augmented)
    program.begin(configuration, SEED, 2, backend.to_device(data))
    assert scores_of(program, data, augmented) == pytest.approx(expected, abs=ROUNDING)
    assert largest_difference(program, by_fit) < ROUNDING


def test_trainings_after_one_another_and_continued_ones_are_equal_to_the_last_bit(
    program: Any, data: Split, backend: Backend
) -> None:
    images, configuration = backend.to_device(data), replace_optimizer(Optimizer("nadam", 2e-3))
    program.begin(configuration, SEED, 2, images)
    once, values = scores_of(program, data, last=2), program.values()
    program.begin(configuration, SEED, 2, images)
    scores_of(program, data)
    after_one = program.values()
    program.begin(replace_optimizer(Optimizer("sgd", 0.5)), 99, 2, images)
    scores_of(program, data)
    program.begin(configuration, 1, 2, images)
    program.restore(after_one)
    (second,) = run_epochs(program, Epochs(2, 2, data.n_train, 9), lambda: False)
    assert [second.loss, second.accuracy, second.val_loss, second.val_accuracy] == once[4:]
    assert all(np.array_equal(a, b) for a, b in zip(program.values(), values, strict=True))


def test_the_model_that_it_gives_scores_as_it_does(program: Any, data: Split, backend: Backend) -> None:
    program.begin(PENALIZED, SEED, 1, backend.to_device(data))
    *_, val_loss, val_accuracy = scores_of(program, data)
    _, accuracy = program.keras_model().evaluate(data.scaled(data.x_val), data.y_val, verbose=0)
    assert accuracy == pytest.approx(val_accuracy)
    assert np.isfinite(val_loss)


def test_a_model_of_its_own_trains_compiled_as_with_fit(
    compiled_model: Callable[[Configuration], Any], data: Split, backend: Backend
) -> None:
    configuration = Configuration((Block((4,)),), batch_norm=BatchNorm(), optimizer=Optimizer("momentum", 0.03, 0.9))
    model, same = compiled_model(configuration), compiled_model(configuration)
    runner = make_runner(model, data, BATCH, backend)
    assert isinstance(runner, CompiledRunner)
    assert scores_of(runner, data) == pytest.approx(scores_of(KerasRunner(same, data, BATCH), data), abs=ROUNDING)


def test_a_variable_that_a_program_does_not_name_is_an_error(keras: Any, data: Split, backend: Backend) -> None:
    named, other = keras.Variable(1.0), keras.Variable(2.0)

    def step(images: Any, labels: Any) -> Any:
        named.assign(other.value)
        return keras.ops.zeros(3)

    images, _ = backend.to_device(data)
    program = backend.step_program(step, [named], BATCH)
    with pytest.raises(RuntimeError, match="which it doesn't name"):
        program(images, np.arange(len(images)), 0, 1, np.zeros(3, np.float32))


def test_what_is_compiled_is_kept() -> None:
    folder = program_folder()
    assert folder is not None
    assert executable_files(folder)


def replace_optimizer(optimizer: Optimizer) -> Configuration:
    """Configurations of one program."""
    return Configuration(
        PENALIZED.blocks,
        dense=PENALIZED.dense,
        batch_norm=PENALIZED.batch_norm,
        dropout=PENALIZED.dropout,
        regularization=PENALIZED.regularization,
        optimizer=optimizer,
    )
