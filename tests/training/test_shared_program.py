"""A program trains one configuration after another, and each as if it were the only one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.datasets import load_dataset
from search.training.backends.protocol import Backend
from search.training.data.split import Split, split
from search.training.epochs.epochs import Epochs, run_epochs
from search.training.epochs.keras_runner import KerasRunner
from search.training.epochs.trainable_model import KerasTrainableModel, TrainableModel
from search.training.models.building import InputSpec, compile_model, model_from_layers, seed_all
from search.training.optimizers.optimizer import why_not_shared
from search.training.shared_programs.program_key import program_layers
from spaces import load_space
from spaces.configuration import BatchNorm, Block, Configuration, Dropout, Optimizer, Regularization, Schedule
from tests.helpers.backends import ROUNDING, as_fit, differing_from_fit

BATCH = 64
SEED = 7
EPOCHS = 2
SMALL = (Block((8,)), Block((16,)))
OPTIMIZERS = [
    Optimizer("sgd", 0.05),
    Optimizer("momentum", 0.03, 0.9),
    Optimizer("momentum", 0.03, 0.0),
    Optimizer("rmsprop", 2e-3),
    Optimizer("rmsprop", 1e-3, 0.6),
    Optimizer("adam", 3e-3),
    Optimizer("adadelta", 1.0),
    Optimizer("adamw", 3e-3, weight_decay=0.02),
    Optimizer("nadam", 2e-3),
    Optimizer("adam", 3e-3, schedule=Schedule("cosine")),
    Optimizer("momentum", 0.03, 0.9, schedule=Schedule("inverse_time", 0.01)),
    Optimizer("nadam", 2e-3, schedule=Schedule("cosine")),
]


# A bias before normalization has no gradient but rounding errors, which Adam makes as large as any.
POSITION: Literal["before_activation", "after_activation"] = "after_activation" if ROUNDING else "before_activation"

QUICK = (OPTIMIZERS[1], OPTIMIZERS[4], OPTIMIZERS[6], OPTIMIZERS[7], OPTIMIZERS[11])  # each kind of state and of step


def configured(optimizer: Optimizer, rate: float = 0.3, momentum: float | None = None) -> Configuration:
    """Configurations of one program."""
    return Configuration(
        SMALL,
        batch_norm=BatchNorm(POSITION, momentum),
        dropout=(Dropout("before_every_dense", rate), Dropout("after_normalization", rate / 2)),
        optimizer=optimizer,
    )


@pytest.fixture(scope="module")
def new_program(backend: Backend, data: Split, spec: InputSpec) -> Callable[[Configuration], Any]:
    from search.training.shared_programs.graph_cache import GraphCache
    from search.training.shared_programs.shared_program import SharedProgram

    graphs = GraphCache(backend)
    return lambda configuration: SharedProgram(configuration, spec, BATCH, graphs)


@pytest.fixture(scope="module")
def warm(new_program: Callable[[Configuration], Any], backend: Backend, data: Split) -> Any:
    """A program that has trained something before."""
    program = new_program(configured(Optimizer("adam")))
    program.begin(configured(Optimizer("adam", 0.1), rate=0.5, momentum=0.5), 99, EPOCHS, backend.to_device(data))
    scores_of(program, data)
    return program


@pytest.fixture(scope="module")
def by_fit(keras: Any, data: Split, spec: InputSpec) -> Callable[[Configuration], KerasTrainableModel]:
    """Makes new plain models that are trained by Keras itself."""

    def make(configuration: Configuration, images: Split = data) -> KerasTrainableModel:
        seed_all(SEED)
        model = model_from_layers(configuration, spec)
        compile_model(model, configuration, EPOCHS * spec.steps_per_epoch)
        return KerasTrainableModel(model, KerasRunner(model, images, BATCH))

    return make


def scores_of(model: TrainableModel, data: Split, first: int = 1, last: int = 2) -> list[tuple[Any, ...]]:
    epochs = run_epochs(model, Epochs(first, last, len(data.x_train), seed=9), lambda: False)
    return [(e.epoch, e.loss, e.accuracy, e.val_loss, e.val_accuracy, e.learning_rate) for e in epochs]


@dataclass(frozen=True)
class Fitted:
    """A new model that was trained by Keras itself: its scores, and its state after each of the two epochs."""

    configuration: Configuration
    scores: list[tuple[Any, ...]]
    states: tuple[list[Any], list[Any]]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            one, id=f"{one.name}-{one.momentum}-{one.schedule.name}", marks=() if one in QUICK else pytest.mark.long
        )
        for one in OPTIMIZERS
    ],
)
def fitted(
    request: pytest.FixtureRequest, by_fit: Callable[[Configuration], KerasTrainableModel], data: Split
) -> Fitted:
    """With each of the optimizers, once for the tests that compare with it: a model is compiled for seconds."""
    configuration = configured(request.param, rate=0.2)
    plain = by_fit(configuration)
    begun = scores_of(plain, data, last=1)
    between = plain.values()
    return Fitted(configuration, [*begun, *scores_of(plain, data, first=2)], (between, plain.values()))


def differing(one: TrainableModel, other: TrainableModel) -> list[int]:
    """The numbers of the arrays of state in which a model isn't as the other, which `fit` trains."""
    return differing_from_fit(one.values(), other.values())


def described(model: Any) -> list[tuple[Any, ...]]:
    """The layers without their names, which Keras numbers."""
    numbered = ("name", "seed")
    settings = [{k: v for k, v in layer.get_config().items() if k not in numbered} for layer in model.layers]
    return [(type(layer), given) for layer, given in zip(model.layers, settings, strict=True)]


def test_it_begins_with_the_weights_and_random_state_of_a_new_model(
    warm: Any, by_fit: Callable[..., KerasTrainableModel], data: Split, backend: Backend
) -> None:
    configuration = configured(Optimizer("adam"))
    warm.begin(configuration, SEED, EPOCHS, backend.to_device(data))
    assert differing(warm, by_fit(configuration)) == []


def test_a_warm_program_trains_as_fit_trains_a_new_model(
    warm: Any, fitted: Fitted, data: Split, backend: Backend
) -> None:
    warm.begin(fitted.configuration, SEED, EPOCHS, backend.to_device(data))
    assert scores_of(warm, data) == as_fit(fitted.scores)
    assert differing_from_fit(warm.values(), fitted.states[1]) == []


def test_a_warm_program_trains_on_other_images_as_well(
    warm: Any, by_fit: Callable[..., KerasTrainableModel], backend: Backend
) -> None:
    configuration, others = configured(Optimizer("adam")), split(load_dataset("digits"), 0.2, seed=2, limit_train=300)
    plain = by_fit(configuration, others)
    expected = scores_of(plain, others)
    warm.begin(configuration, SEED, EPOCHS, backend.to_device(others))
    assert scores_of(warm, others) == as_fit(expected)
    assert differing(warm, plain) == []


@pytest.mark.parametrize(
    "configuration",
    [
        Configuration(SMALL),
        Configuration(SMALL, dropout=(Dropout("after_pooling", 0.0), Dropout("before_dense", 0.4))),
        Configuration(SMALL, batch_norm=BatchNorm("after_activation", 0.95), dense=(16, 8), activation="gelu"),
    ],
    ids=["plain", "a rate of 0", "a momentum of your own"],
)
def test_so_does_a_new_program_of_any_layers(
    new_program: Callable[[Configuration], Any],
    by_fit: Callable[..., KerasTrainableModel],
    data: Split,
    backend: Backend,
    configuration: Configuration,
) -> None:
    plain, program = by_fit(configuration), new_program(configuration)
    program.begin(configuration, SEED, EPOCHS, backend.to_device(data))
    assert scores_of(program, data) == as_fit(scores_of(plain, data))
    assert differing(program, plain) == []


def test_programs_and_plain_models_take_over_from_each_other(
    warm: Any, fitted: Fitted, data: Split, backend: Backend
) -> None:
    warm.begin(fitted.configuration, 1, EPOCHS, backend.to_device(data))
    between, end = fitted.states
    warm.restore(between)
    assert scores_of(warm, data, first=2) == as_fit(fitted.scores[1:])
    assert differing_from_fit(warm.values(), end) == []


def test_the_model_that_it_gives_has_keras_own_layers_and_all_that_was_configured(
    warm: Any, by_fit: Callable[..., KerasTrainableModel], data: Split, backend: Backend
) -> None:
    configuration = configured(Optimizer("momentum", 0.02, 0.75), rate=0.25, momentum=0.5)
    plain = by_fit(configuration)
    scores_of(plain, data)
    warm.begin(configuration, SEED, EPOCHS, backend.to_device(data))
    scores_of(warm, data)
    given = warm.keras_model()
    assert described(given) == described(plain.keras_model())
    ours, theirs = (model.optimizer.get_config() for model in (given, plain.keras_model()))
    assert {**ours, "name": ""} == {**theirs, "name": ""}
    assert differing(KerasTrainableModel(given, warm), plain) == []


def test_configurations_that_differ_in_numbers_share_a_program() -> None:
    one, other = configured(OPTIMIZERS[0], 0.1, 0.5), configured(OPTIMIZERS[-1], 0.6, None)
    assert program_layers(one) == program_layers(other)
    assert program_layers(configured(OPTIMIZERS[0], rate=0.0)) != program_layers(one)
    assert program_layers(Configuration(SMALL)) != program_layers(Configuration())


def test_a_program_is_what_it_was_after_another_has_trained_with_the_same_updates(
    new_program: Callable[[Configuration], Any],
    warm: Any,
    by_fit: Callable[..., KerasTrainableModel],
    data: Split,
    backend: Backend,
) -> None:
    configuration, other = configured(Optimizer("adam", 3e-3)), Configuration(SMALL, optimizer=Optimizer("adam", 1e-2))
    second = new_program(other)
    second.begin(other, SEED, EPOCHS, backend.to_device(data))
    scores_of(second, data)
    warm.begin(configuration, SEED, EPOCHS, backend.to_device(data))
    assert scores_of(warm, data) == as_fit(scores_of(by_fit(configuration), data))


@pytest.mark.backends("tensorflow", reason="JAX' own programs refuse a variable that they don't name")
def test_its_steps_touch_no_variables_but_those_that_it_names(new_program: Any) -> None:
    """A backend whose functions must be pure makes `state = step(state, batch)` of the names."""
    import tensorflow as tf

    regularized = configured(Optimizer("adam"))
    program = new_program(msgspec.structs.replace(regularized, regularization=Regularization(l1=1e-4, l2=1e-4)))
    batch = tf.TensorSpec((BATCH, 8, 8, 1), tf.float32), tf.TensorSpec((BATCH,), tf.int64)
    named = {id(variable.value) for variable in program.step_variables}
    for step in (program.train_step, program.test_step):
        touched = tf.function(step, autograph=False).get_concrete_function(*batch).variables
        assert touched
        assert {id(variable) for variable in touched} <= named


@given(st.integers(1, 10**9))
def test_a_vector_is_hardly_longer_than_its_weights(keras: Any, weights: int) -> None:
    from search.training.shared_programs.vector import length_for

    assert weights <= length_for(weights) <= weights * 17 / 16


def test_vectors_have_few_lengths(keras: Any) -> None:
    from search.training.shared_programs.vector import length_for

    assert len({length_for(weights) for weights in range(1, 2**20)}) < 20 * 16


def test_all_of_the_search_for_an_optimizer_shares_one_program() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    suggested = [load_space("optimizer").suggest(study.ask()) for _ in range(50)]
    assert {why_not_shared(configuration.optimizer) for configuration in suggested} == {None}
    assert len({program_layers(configuration) for configuration in suggested}) == 1
