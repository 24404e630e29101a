"""Models: their layers are those that the documentation draws, and what can't be built is explained."""

from typing import Any

import pytest

from search.training.models.building import InputSpec, build_model, compile_model, fitted_momentum
from search.training.optimizers.optimizer import make_optimizer
from spaces.configuration import BatchNorm, Block, Configuration, Dropout, Optimizer
from spaces.errors import SpaceError
from spaces.layers import layer_order
from spaces.space import Space

DIGITS = InputSpec((8, 8, 1), classes=10, steps_per_epoch=18)
KINDS = {
    "conv": "Conv2D",
    "batch_norm": "BatchNormalization",
    "dropout": "Dropout",
    "max_pool": "MaxPooling2D",
    "flatten": "Flatten",
    "dense": "Dense",
    "output": "Dense",
}

pytestmark = pytest.mark.usefixtures("keras")


def built_in(**changes: Any) -> Space:
    return Space("tried", "does it build?", suggest=lambda _: Configuration(), **changes)


@pytest.mark.parametrize("dropout", ["before_normalization", "after_normalization", "after_pooling", "before_dense"])
@pytest.mark.parametrize("batch_norm", ["none", "before_activation", "after_activation"])
def test_the_model_has_the_layers_that_are_drawn(batch_norm: Any, dropout: Any) -> None:
    configuration = Configuration(batch_norm=BatchNorm(batch_norm), dropout=(Dropout(dropout, 0.3),))
    model = build_model(built_in(), configuration, DIGITS)
    drawn = [KINDS.get(str(layer).split()[0], "Activation") for layer in layer_order(configuration)]
    assert [type(layer).__name__ for layer in model.layers] == drawn


def test_the_digits_are_pooled_to_a_single_pixel_by_three_blocks(keras: Any) -> None:
    model = build_model(built_in(), Configuration(), DIGITS)
    pooled = [layer.output.shape for layer in model.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    assert pooled == [(None, 4, 4, 32), (None, 2, 2, 64), (None, 1, 1, 128)]
    assert model.output_shape == (None, 10)


@pytest.mark.parametrize(
    "blocks", [(Block((8,)),) * 4, (Block((8,), kernel=5, padding="valid"), Block((8,), padding="valid"))]
)
def test_images_too_small_for_the_blocks_are_an_error_of_the_space(blocks: tuple[Block, ...]) -> None:
    with pytest.raises(SpaceError, match="images of 8x8 pixels are too small"):
        build_model(built_in(), Configuration(blocks=blocks), DIGITS)


@pytest.mark.parametrize(("steps", "momentum"), [(1, 0.01), (18, 0.774), (458, 0.99), (10_000, 0.99)])
def test_after_an_epoch_a_hundredth_is_left_of_the_first_averages(steps: int, momentum: float) -> None:
    assert fitted_momentum(steps) == pytest.approx(momentum, abs=1e-3)


def test_a_given_momentum_of_batch_normalization_is_kept(keras: Any) -> None:
    configuration = Configuration(batch_norm=BatchNorm("before_activation", 0.5))
    model = build_model(built_in(), configuration, DIGITS)
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in layers} == {0.5}


def test_the_optimizer_has_its_variables_before_the_first_step() -> None:
    model = build_model(built_in(), Configuration(), DIGITS)
    compile_model(model, Configuration(optimizer=Optimizer("adam")))
    assert len(model.optimizer.variables) == 2 + 2 * len(model.trainable_variables)


@pytest.mark.parametrize(
    ("optimizer", "kind", "momentum"),
    [
        (Optimizer("sgd", 0.1, momentum=0.9), "SGD", 0.0),
        (Optimizer("momentum", 0.1, momentum=0.9), "SGD", 0.9),
        (Optimizer("rmsprop", 0.1, momentum=0.5), "RMSprop", 0.5),
        (Optimizer("adam", 0.1), "Adam", None),
        (Optimizer("adadelta", 0.1), "Adadelta", None),
    ],
)
def test_each_optimizer_is_the_one_of_its_name(optimizer: Optimizer, kind: str, momentum: float | None) -> None:
    made = make_optimizer(optimizer)
    assert type(made).__name__ == kind
    assert float(made.learning_rate) == pytest.approx(0.1)
    assert momentum is None or made.momentum == momentum


def test_optimizers_of_one_model_have_the_same_names_of_variables_each_time(keras: Any) -> None:
    """TensorFlow never forgets a name: new ones would let a trainer grow with each model that it writes."""
    model = build_model(built_in(), Configuration(), DIGITS)

    def names() -> list[str]:
        compile_model(model, Configuration(optimizer=Optimizer("adam", 0.1)))
        return [variable.path for variable in model.optimizer.variables]

    assert names() == names()


def test_a_space_may_build_its_own_model(keras: Any) -> None:
    def build(configuration: Configuration, shape: tuple[int, int, int], classes: int) -> Any:
        return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(classes)])

    assert build_model(built_in(build=build), Configuration(), DIGITS).count_params() == 650


def test_a_model_that_is_built_by_its_first_call_has_its_variables(keras: Any) -> None:
    def build(configuration: Configuration, shape: tuple[int, int, int], classes: int) -> Any:
        return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(classes)])

    assert len(build_model(built_in(build=build), Configuration(), DIGITS).variables) == 2


def _raises(keras: Any, classes: int) -> Any:
    raise KeyError("width")


def _no_model(keras: Any, classes: int) -> Any:
    return "model"


def _too_few_outputs(keras: Any, classes: int) -> Any:
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(classes - 1)])


def _softmax(keras: Any, classes: int) -> Any:
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(classes, activation="softmax")])


def _wrong_input(keras: Any, classes: int) -> Any:
    return keras.Sequential([keras.Input((28, 28, 3)), keras.layers.Flatten(), keras.layers.Dense(classes)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_raises, "build of the space 'tried' raised KeyError: 'width'"),
        (_no_model, "returned str, not a keras.Model"),
        (_too_few_outputs, r"gives \(4, 9\) for 4 images; logits are \(4, 10\)"),
        (_softmax, "gives probabilities"),
        (_wrong_input, r"on images of shape \(8, 8, 1\)"),
    ],
)
def test_a_space_that_builds_no_such_model_is_explained(keras: Any, make: Any, message: str) -> None:
    space = built_in(build=lambda _configuration, _shape, classes: make(keras, classes))
    with pytest.raises(SpaceError, match=message):
        build_model(space, Configuration(), DIGITS)
