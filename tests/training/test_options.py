"""Each option of training really acts, and as Keras' own way of doing it does."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from search.datasets import load_dataset
from search.exporting.script import fitted_before
from search.trainers.protocol import DataSource, EpochEnd, Evaluate, Evaluated, Message, Stopped, Train, Trained, Warned
from search.training.backends.process import compiling_backend
from search.training.backends.protocol import Backend
from search.training.data.pixels import EPSILON, fit_pixels
from search.training.data.preprocessing import Preprocessing, preprocess
from search.training.data.split import Split, split
from search.training.epochs.epochs import EpochRunner, Epochs, run_epochs
from search.training.epochs.keras_runner import KerasRunner
from search.training.epochs.runner import make_runner
from search.training.epochs.trainable_model import KerasTrainableModel
from search.training.jobs.job import Jobs
from search.training.models.building import InputSpec, compile_model, model_from_layers, seed_all
from search.training.optimizers.optimizer import make_optimizer, why_not_shared
from search.training.shared_programs.program_key import program_layers
from spaces.configuration import (
    Augmentation,
    BatchNorm,
    Block,
    Configuration,
    Dropout,
    EarlyStopping,
    Inputs,
    Optimizer,
    OptimizerName,
    Pixels,
    Regularization,
    Schedule,
)
from spaces.epoch_scores import EpochScores
from tests.helpers.backends import as_fit, differing_from_fit
from tests.helpers.piped_trainer import MakeJob, PipedTrainer, epochs_of, last_of

BATCH = 64
SEED = 7
SMALL = Configuration((Block((8,)),), dense=(16,), optimizer=Optimizer("adam", 3e-3))
MOVED = msgspec.structs.replace(
    SMALL,
    inputs=Inputs(augmentation=Augmentation(flip=True, shift=2)),
    regularization=Regularization(l1=1e-4, l2=1e-2),
    activation="prelu",
    batch_norm=BatchNorm("after_pooling", blocks=1),
)
CROPPED = msgspec.structs.replace(
    SMALL,
    inputs=Inputs(augmentation=Augmentation(crop=1)),
    regularization=Regularization(l2=1e-2, kernels="convolutions"),
    activation="leaky_relu",
    negative_slope=0.01,
)
DENSE = Configuration((), dense=(16,), dropout=(Dropout("before_output", 0.25),))

pytestmark = pytest.mark.usefixtures("keras")


def fastest_runner(model: Any, data: Split, batch_size: int) -> EpochRunner:
    return make_runner(model, data, batch_size, compiling_backend())


@pytest.fixture
def plain(data: Split, spec: InputSpec) -> Callable[..., KerasTrainableModel]:
    """Makes models of Keras' own, trained by `fit` unless another way is given."""

    def make(configuration: Configuration, runner: Any = KerasRunner) -> KerasTrainableModel:
        seed_all(SEED)
        model = model_from_layers(configuration, spec)
        compile_model(model, configuration, steps=2 * spec.steps_per_epoch)
        return KerasTrainableModel(model, runner(model, data, BATCH))

    return make


@pytest.fixture
def program(backend: Backend, data: Split, spec: InputSpec) -> Callable[[Configuration], Any]:
    """Makes programs that have begun with a configuration."""
    from search.training.shared_programs.graph_cache import GraphCache
    from search.training.shared_programs.shared_program import SharedProgram

    def make(configuration: Configuration) -> Any:
        program = SharedProgram(configuration, spec, BATCH, GraphCache(backend))
        program.begin(configuration, SEED, 2, backend.to_device(data))
        return program

    return make


def scores_of(model: Any, data: Split, configuration: Configuration) -> list[tuple[Any, ...]]:
    epochs = Epochs(1, 2, len(data.x_train), SEED, configuration.inputs.augmentation)
    done = run_epochs(model, epochs, lambda: False)
    return [(e.loss, e.accuracy, e.val_loss, e.val_accuracy, e.learning_rate) for e in done]


@pytest.mark.parametrize("configuration", [MOVED, CROPPED, DENSE], ids=["moved", "cropped", "dense"])
def test_a_program_trains_as_fit_does(
    plain: Callable[..., KerasTrainableModel],
    program: Callable[[Configuration], Any],
    data: Split,
    configuration: Configuration,
) -> None:
    by_fit, shared = plain(configuration), program(configuration)
    assert scores_of(shared, data, configuration) == as_fit(scores_of(by_fit, data, configuration))
    assert differing_from_fit(shared.values(), by_fit.values()) == []


def test_penalties_of_other_sizes_share_a_program_and_end_up_in_the_model(
    plain: Callable[..., KerasTrainableModel], program: Callable[[Configuration], Any], data: Split, backend: Backend
) -> None:
    small, large = (
        msgspec.structs.replace(SMALL, regularization=Regularization(l1=size, l2=2 * size)) for size in (1e-3, 1e-2)
    )
    assert program_layers(small) == program_layers(large) != program_layers(SMALL)
    warm = program(small)
    warm.begin(large, SEED, 2, backend.to_device(data))
    assert scores_of(warm, data, large) == as_fit(scores_of(plain(large), data, large))
    kernels = [layer.kernel_regularizer for layer in warm.keras_model().layers if hasattr(layer, "kernel_regularizer")]
    assert [kernel.get_config() for kernel in kernels] == [{"l1": 1e-2, "l2": 2e-2}] * 3


def test_a_penalty_is_added_to_the_loss_that_is_reported(
    plain: Callable[..., KerasTrainableModel], data: Split
) -> None:
    penalized = msgspec.structs.replace(SMALL, regularization=Regularization(l2=0.1, kernels="convolutions"))
    with_penalty, without = plain(penalized, fastest_runner), plain(SMALL, fastest_runner)
    kernel = with_penalty.keras_model().layers[0].kernel.numpy()
    difference = with_penalty.validate().loss - without.validate().loss
    assert difference == pytest.approx(0.1 * float((kernel**2).sum()), rel=1e-4)


OTHERS = [
    Optimizer("adamw", 3e-3, beta_2=0.99, weight_decay=0.1),
    Optimizer("nadam", 3e-3, beta_1=0.8, schedule=Schedule("inverse_time", 1e-2)),
    Optimizer("momentum", 0.05, 0.9, nesterov=True, schedule=Schedule("cosine")),
]


@pytest.mark.parametrize("optimizer", OTHERS, ids=lambda o: f"{o.name}-{o.schedule.name}")
def test_optimizers_that_no_program_knows_train_compiled_as_with_fit(
    plain: Callable[..., KerasTrainableModel], data: Split, optimizer: Optimizer
) -> None:
    configuration = msgspec.structs.replace(SMALL, optimizer=optimizer)
    assert why_not_shared(optimizer) is not None
    compiled = scores_of(plain(configuration, fastest_runner), data, configuration)
    assert compiled == as_fit(scores_of(plain(configuration), data, configuration))


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [(Schedule("inverse_time", 1e-2), [0.5, 0.5 / 1.04, 0.5 / 1.08]), (Schedule("cosine"), [0.5, 0.25, 0.0])],
)
def test_a_schedule_gives_each_step_its_learning_rate(schedule: Schedule, rates: list[float], keras: Any) -> None:
    made = make_optimizer(Optimizer("adadelta", 0.5, schedule=schedule), steps=8)
    weight = keras.Variable([1.0])
    made.build([weight])
    seen = []
    for step in range(9):
        seen += [float(made.learning_rate)] if step % 4 == 0 else []
        made.apply([keras.ops.ones((1,))], [weight])
    assert seen == pytest.approx(rates, abs=1e-7)


def test_a_cosine_needs_to_know_its_end() -> None:
    with pytest.raises(ValueError, match="say how many there are"):
        make_optimizer(Optimizer(schedule=Schedule("cosine")))


def run(job: Train) -> list[Message]:
    return list(Jobs().train(job, lambda: False))


def scores_in(messages: list[Message]) -> list[EpochScores]:
    """The scores of the epochs among messages."""
    return [epoch.scores for epoch in epochs_of(messages)]


def best_epoch(messages: list[Message]) -> int:
    """The number of the epoch with the lowest loss on the validation images, all of which are finite."""
    losses = {epoch.epoch: epoch.val_loss for epoch in scores_in(messages) if epoch.val_loss is not None}
    assert len(losses) == len(epochs_of(messages))
    return min(losses, key=losses.__getitem__)


STOPPING = msgspec.structs.replace(SMALL, optimizer=Optimizer("adam", 0.1), early_stopping=EarlyStopping(2))


def test_early_stopping_ends_the_trial_as_complete_with_its_reason(job: MakeJob) -> None:
    messages = run(job(configuration=STOPPING, epochs=250))
    best, count = best_epoch(messages), len(epochs_of(messages))
    assert count == best + 2 < 60
    ended = messages[-1]
    assert isinstance(ended, Trained)
    assert (ended.epochs, ended.kept_epoch, ended.diverged) == (count, None, None)
    assert ended.over == f"early stopping: val_loss wasn't better than in epoch {best} for 2 epochs"
    again = run(job(configuration=STOPPING, epochs=250, token=2))
    assert all(epoch.replayed for epoch in epochs_of(again))
    assert last_of(again, Trained).over == ended.over


def test_the_best_epoch_is_kept_also_by_an_attempt_that_resumes_after_it(
    trainer: PipedTrainer, job: MakeJob, keras: Any, tmp_path: Path
) -> None:
    keeping = msgspec.structs.replace(STOPPING, early_stopping=EarlyStopping(None, restore_best=True))
    whole = job(configuration=keeping, epochs=25, model_path=str(tmp_path / "best.keras"), checkpoints=None)
    messages = trainer.run(whole)
    best = best_epoch(messages)
    assert last_of(messages, Trained).kept_epoch == best < 25
    trainer.run(job(configuration=keeping, epochs=best + 1))
    path = str(tmp_path / "resumed.keras")
    resumed = trainer.run(job(configuration=keeping, epochs=25, token=2, model_path=path))
    assert last_of(resumed, Trained).kept_epoch == best
    kept, again = (keras.saving.load_model(tmp_path / f"{name}.keras") for name in ("best", "resumed"))
    assert all(np.array_equal(*pair) for pair in zip(kept.get_weights(), again.get_weights(), strict=True))
    assert scores_on_validation(kept, whole) == pytest.approx(scored(epochs_of(messages)[best - 1]), rel=1e-4)


def scored(epoch: EpochEnd) -> tuple[float | None, float | None]:
    return epoch.scores.val_loss, epoch.scores.val_accuracy


def scores_on_validation(model: Any, job: Train) -> tuple[float, float]:
    """Loss and accuracy of a model on the scaled validation images of a job."""
    data = split(load_dataset("digits"), 0.2, seed=job.split_seed, limit_train=300)
    loss, accuracy = model.evaluate(data.scaled(data.x_val), data.y_val, verbose=0)
    return loss, accuracy


@pytest.mark.parametrize("limit", [300, 60], ids=["more images than pixels", "fewer"])
def test_zca_makes_the_covariance_of_training_images_the_identity_where_they_vary(limit: int) -> None:
    plain = split(load_dataset("digits"), 0.2, seed=1, limit_train=limit)
    treated = preprocess(plain, Preprocessing("zca", shuffled_labels=False, seed=1)).data
    before, after = (variances(images) for images in (plain.scaled(plain.x_train), treated.x_train))
    varying = before > 100 * EPSILON
    assert varying.sum() > 40
    assert np.allclose(after[varying], 1, atol=0.02)
    assert after.max() < 1.02


@pytest.mark.parametrize("limit", [300, 60], ids=["more images than pixels", "fewer"])
def test_zca_keeps_every_direction_in_which_images_vary_and_is_that_of_double_precision(limit: int) -> None:
    """Pixels with a variance of 1e-8 of the others' are what single precision takes for noise."""
    rng = np.random.default_rng(0)
    images = rng.random((limit, 10, 10, 1))
    images[:, 0] = 0.5 + 1e-4 * images[:, 0]
    flat = images.astype(np.float32).astype(np.float64).reshape(limit, -1)
    left, singular, right = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    kept = singular > 1e-9 * singular[0]
    variance = singular[kept] ** 2 / limit
    reference = (left[:, kept] * np.sqrt(limit * variance / (variance + EPSILON))) @ right[kept]
    whitened = fit_pixels("zca", images.astype(np.float32)).apply(images.astype(np.float32))
    assert np.allclose(whitened.reshape(limit, -1), reference, atol=1e-3)


def test_few_images_for_zca_are_told_of_with_the_figure(trainer: PipedTrainer, job: MakeJob) -> None:
    few = job(
        configuration=msgspec.structs.replace(SMALL, inputs=Inputs("zca")),
        data=DataSource("digits", limit_train=60),
        epochs=1,
        checkpoints=None,
    )
    (warned,) = (message for message in trainer.run(few) if isinstance(message, Warned))
    assert re.search(
        r"ZCA, epsilon 1e-06\) by 50 training images of 64 values.* \d\.\d times as widely", warned.message
    )
    many = msgspec.structs.replace(few, data=DataSource("digits"))
    assert not any(isinstance(message, Warned) for message in trainer.run(many))


def variances(images: Any) -> Any:
    """Those of images in their principal directions, the smallest first."""
    return np.linalg.eigvalsh(np.cov(images.reshape(len(images), -1).T.astype(np.float64), bias=True))


def test_validation_images_are_treated_as_the_training_images_were(data: Split) -> None:
    other = split(load_dataset("digits"), 0.2, seed=2, limit_train=300)
    for pixels in ("standardised", "zca"):
        treated = preprocess(data, Preprocessing(pixels, shuffled_labels=False, seed=1)).data
        x = np.concatenate([data.x_train, other.x_val])
        swapped = replace(data, x=x, train=np.arange(data.n_train), val=np.arange(data.n_train, len(x)))
        again = preprocess(swapped, Preprocessing(pixels, shuffled_labels=False, seed=1)).data
        assert np.array_equal(treated.x_train, again.x_train)
        assert abs(float(treated.x_train.mean())) < 1e-3 < abs(float(treated.x_val.mean()))


@pytest.mark.parametrize("pixels", ["standardised", "zca"])
def test_a_kept_model_takes_scaled_images_whatever_it_was_trained_on(
    trainer: PipedTrainer, job: MakeJob, keras: Any, tmp_path: Path, pixels: Pixels
) -> None:
    path = tmp_path / "model.keras"
    treated = job(configuration=msgspec.structs.replace(SMALL, inputs=Inputs(pixels)), model_path=str(path))
    last = epochs_of(trainer.run(treated))[-1]
    model = keras.saving.load_model(path)
    assert scores_on_validation(model, treated) == pytest.approx(scored(last), rel=1e-3)
    assert type(model.optimizer).__name__ == "Adam"


def test_augmentation_goes_by_the_seed_and_a_resumed_trial_repeats_it(job: MakeJob, tmp_path: Path) -> None:
    def scores(*jobs: Train) -> list[tuple[Any, ...]]:
        return [(epoch.loss, epoch.val_loss) for epoch in scores_in(run(jobs[-1]))]

    whole = scores(job(configuration=MOVED, epochs=3, checkpoints=str(tmp_path / "whole")))
    assert scores(job(configuration=MOVED, epochs=3, seed=4, checkpoints=None)) != whole
    run(job(configuration=MOVED, epochs=1))
    assert scores(job(configuration=MOVED, epochs=3, token=2)) == whole


def test_a_stopped_trial_with_a_model_of_its_own_goes_on_where_it_was_in_its_schedule(
    job: MakeJob,
) -> None:
    def scores(messages: list[Message]) -> list[tuple[Any, ...]]:
        return [(epoch.loss, epoch.val_loss, epoch.learning_rate) for epoch in scores_in(messages)]

    own = Optimizer("momentum", 0.05, 0.9, nesterov=True, schedule=Schedule("cosine"))
    given = {"configuration": msgspec.structs.replace(SMALL, optimizer=own), "epochs": 8}  # two may be under way
    assert why_not_shared(own) is not None
    whole = scores(run(job(**given, checkpoints=None)))
    stopped = threading.Event()
    messages = []
    for message in Jobs().train(job(**given), stopped.is_set):
        messages.append(message)
        stopped.set()
    assert isinstance(messages[-1], Stopped)
    resumed = run(job(**given, token=2))
    assert epochs_of(resumed)[0].replayed
    assert scores(resumed) == whole


def test_a_model_may_have_layers_of_the_names_of_those_that_are_fitted_to_the_pixels(keras: Any, data: Split) -> None:
    keras.utils.clear_session(free_memory=False)  # from here on, Keras gives these names itself
    named = [keras.layers.Flatten(name="flatten"), keras.layers.Dense(10, name="dense")]
    model = keras.Sequential([keras.Input(data.image_shape), *named])
    compile_model(model, Configuration())
    treated = preprocess(data, Preprocessing("zca", shuffled_labels=False, seed=1))
    whole = treated.for_scaled(model)
    logits = (whole(data.scaled(data.x_val)), model(treated.data.x_val))
    one, other = map(keras.ops.convert_to_numpy, logits)
    assert np.allclose(one, other, atol=1e-4)
    fitted = fitted_before(whole, "zca")
    assert (fitted, whole.count_params() - fitted) == (64 * 64 + 64, model.count_params())


def test_a_model_that_is_no_plain_sequence_is_kept_whole_behind_the_preprocessing(keras: Any, data: Split) -> None:
    treated = preprocess(data, Preprocessing("zca", shuffled_labels=False, seed=1))
    inputs = keras.Input(data.image_shape)
    model = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))
    whole = treated.for_scaled(model)
    logits = (whole(data.scaled(data.x_val)), model(treated.data.x_val))
    one, other = map(keras.ops.convert_to_numpy, logits)
    assert np.allclose(one, other, atol=1e-4)


def test_moves_mirror_half_of_the_images_and_go_as_far_as_they_may() -> None:
    parameters = Epochs(1, 1, 1000, seed=3, augmentation=Augmentation(flip=True, crop=2)).order(1)[:, 1:]
    assert 400 < parameters[:, 0].sum() < 600
    assert set(parameters[:, 1]) == set(parameters[:, 2]) == {-2, -1, 0, 1, 2}
    assert set(parameters[:, 3]) == {1}


def test_what_comes_in_from_outside_is_the_edge_or_zero() -> None:
    from search.training.data.augmentation import augment

    image = np.arange(1.0, 10.0, dtype=np.float32).reshape(1, 3, 3, 1)
    still, edge, zero, mirrored = (augment(image, np.array([row]))[0, :, :, 0].tolist() for row in ROWS)
    assert still == image[0, :, :, 0].tolist()
    assert edge == [[4, 5, 6], [7, 8, 9], [7, 8, 9]]
    assert zero == [[2, 3, 0], [5, 6, 0], [8, 9, 0]]
    assert mirrored == [[3, 2, 1], [6, 5, 4], [9, 8, 7]]


ROWS = [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0]]


def test_shuffled_labels_are_the_same_labels_in_another_order_that_the_seed_decides(data: Split) -> None:
    one, same, other = (
        preprocess(data, Preprocessing("scaled", shuffled_labels=True, seed=seed)).data for seed in (1, 1, 2)
    )
    assert np.array_equal(one.y_train, same.y_train)
    assert not np.array_equal(one.y_train, other.y_train)
    before, after = (np.sort(np.concatenate([s.y_train, s.y_val])) for s in (data, one))
    assert np.array_equal(before, after)
    assert np.mean(one.y_train == data.y_train) < 0.2
    assert np.array_equal(one.y_test, data.y_test)


def test_a_network_learns_shuffled_labels_by_heart_and_is_at_chance_on_the_test_images(
    trainer: PipedTrainer, job: MakeJob, tmp_path: Path
) -> None:
    path = str(tmp_path / "model.keras")
    memory = Configuration((), dense=(256,), optimizer=Optimizer("adam", 0.01), shuffled_labels=True)
    learning = job(configuration=memory, epochs=60, checkpoints=None, model_path=path)
    first, *_, last = scores_in(trainer.run(learning))
    tested = trainer.run(Evaluate(2, learning.space, learning.data, learning.split_seed, BATCH, path))
    assert first.accuracy is not None
    assert last.accuracy is not None
    assert last.val_accuracy is not None
    assert first.accuracy < 0.3
    assert last.accuracy > 0.8
    assert last.val_accuracy < 0.3
    assert last_of(tested, Evaluated).accuracy < 0.25


@pytest.mark.parametrize("name", ["rmsprop", "adam", "adadelta", "adamw", "nadam"])
def test_an_optimizer_has_the_epsilon_and_the_rho_that_its_record_says(keras: Any, name: OptimizerName) -> None:
    made = make_optimizer(Optimizer(name, epsilon=1e-3, rho=0.8))
    assert made.epsilon == 1e-3
    assert make_optimizer(Optimizer(name)).epsilon == 1e-7
    assert getattr(made, "rho", 0.8) == 0.8


def test_programs_are_not_shared_by_trials_with_an_epsilon_of_their_own() -> None:
    assert why_not_shared(Optimizer("adam", epsilon=1e-8)) is not None
