"""From a configuration to a compiled Keras model."""

from dataclasses import dataclass
from typing import Any, assert_never

from search.training.models.input_scale import require_range
from search.training.models.logits import require_logits
from search.training.models.plain_model import is_of_keras
from search.training.optimizers.optimizer import make_optimizer
from spaces.blame import describe
from spaces.configuration import Configuration
from spaces.errors import Infeasible, SpaceError
from spaces.layers import (
    Activate,
    Conv,
    Dense,
    Drop,
    Flatten,
    Layer,
    MaxPool,
    Normalize,
    Output,
    layer_order,
    require_fit,
)
from spaces.space import ImageShape, Space

KEPT_AFTER_AN_EPOCH = 0.01
LARGEST_MOMENTUM = 0.99
MOMENTUM_STEPS = 2**20
SEEDS = 2**32
FIRST_SLOPE = 0.25


@dataclass(frozen=True)
class InputSpec:
    """The part of a model's definition that isn't its configuration: the shape of images, (height, width, channels),
    the number of classes, and the steps of an epoch.
    """

    image_shape: ImageShape
    classes: int
    steps_per_epoch: int


def fitted_momentum(steps_per_epoch: int) -> float:
    """The momentum of batch normalization's moving averages that suits that many steps per epoch, at most Keras' 0.99.

    After one epoch a hundredth is left of the averages' initial values. With the fixed 0.99 and 18 steps, 83 % would be
    left, and the validation scores of many epochs would be those of chance, however good the weights.
    """
    fitted: float = KEPT_AFTER_AN_EPOCH ** (1 / max(steps_per_epoch, 1))
    return min(LARGEST_MOMENTUM, fitted)


def seed_all(seed: int) -> None:
    """Decides all random numbers that models draw from now on as they are built."""
    import keras

    keras.utils.set_random_seed(seed_of_models(seed))


def seed_of_models(seed: int) -> int:
    """A job's seed as random number generators take it, in [0, 2**32)."""
    return seed % SEEDS


def bn_momentum(layer: Normalize, steps_per_epoch: int) -> float:
    """The momentum of a layer's moving averages: the one that it asks for, else the fitted one.

    It is a multiple of 2**-20, so that float32 holds both it and its complement to 1 exactly: the averages then don't
    depend on whether a program has it as a constant or as a variable.
    """
    momentum = fitted_momentum(steps_per_epoch) if layer.momentum is None else layer.momentum
    return round(momentum * MOMENTUM_STEPS) / MOMENTUM_STEPS


def build_model(space: Space, configuration: Configuration, spec: InputSpec) -> Any:
    """The uncompiled `keras.Model` from scaled images (batch, height, width, channels) to logits (batch, classes).

    Raises:
        Infeasible: the space's own `build` raises it.
        SpaceError: the images are too small for the layers, or the space's own `build` raises or returns no such model.
    """
    if space.build is None:
        return model_from_layers(configuration, spec)
    return _from_space(space, configuration, spec)


def compile_model(model: Any, configuration: Configuration, steps: int | None = None, recorder: Any = None) -> None:
    """Gives the model its optimizer, cross-entropy as its loss, and as its metrics accuracy and, if there is one, a
    recorder (search/training/measuring/recorders.py).

    `steps` are those of the whole training, which some schedules of the learning rate depend on. Keras would create the
    optimizer's variables in the first step; a checkpoint must find them before. To a model that computes in float16,
    Keras adds an optimizer that scales the loss so that small gradients don't become 0.
    """
    optimizer = make_optimizer(configuration.optimizer, steps)
    recorders = [] if recorder is None else [recorder]
    model.compile(optimizer=optimizer, loss=cross_entropy(), metrics=["accuracy", *recorders])
    model.optimizer.build(model.trainable_variables)


def without_recorder(model: Any) -> Any:
    """A compiled model with its optimizer, in the state in which it is, and accuracy as its only metric: what is
    written into a file, so that Keras alone can open it.
    """
    model.compile(optimizer=model.optimizer, loss=model.loss, metrics=["accuracy"])
    return model


def cross_entropy() -> Any:
    """The loss of all models: `keras.losses.Loss` from labels and logits."""
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def model_from_layers(configuration: Configuration, spec: InputSpec) -> Any:
    """The uncompiled model of a configuration's own layers.

    Raises:
        SpaceError: the images are too small for them.
    """
    import keras

    require_fit(configuration, spec.image_shape)
    layers = [keras_layer(layer, spec) for layer in layer_order(configuration)]
    return keras.Sequential([keras.Input(spec.image_shape), *layers])


def keras_layer(layer: Layer, spec: InputSpec) -> Any:
    """Keras' own layer for one of a configuration's. Logits are float32 in every precision: in fewer digits, those of
    two classes would often be equal.
    """
    from keras import layers

    match layer:
        case Conv() | Dense() | Output():
            return _layer_with_kernel(layer, spec)
        case Normalize():
            return layers.BatchNormalization(momentum=bn_momentum(layer, spec.steps_per_epoch))
        case Activate():
            return _activation(layer)
        case Drop():
            return layers.Dropout(layer.rate)
        case MaxPool():
            return layers.MaxPooling2D(layer.size)
        case Flatten():
            return layers.Flatten()
        case _:
            assert_never(layer)


def _layer_with_kernel(layer: Conv | Dense | Output, spec: InputSpec) -> Any:
    from keras import layers

    match layer:
        case Conv(filters, kernel, padding):
            return layers.Conv2D(filters, kernel, padding=padding, kernel_regularizer=penalty(layer))
        case Dense(units):
            return layers.Dense(units, kernel_regularizer=penalty(layer))
        case Output():
            return layers.Dense(spec.classes, kernel_regularizer=penalty(layer), dtype="float32")
        case _:
            assert_never(layer)


def penalty(layer: Conv | Dense | Output) -> Any:
    """Keras' own regularizer of a layer's kernel, None if it has none."""
    import keras

    return keras.regularizers.L1L2(layer.l1, layer.l2) if layer.l1 or layer.l2 else None


def _activation(layer: Activate) -> Any:
    """PReLU begins with its slopes at 0.25, one a channel or unit, as He et al. 2015 (arXiv:1502.01852) have it."""
    import keras
    from keras import layers

    match layer.function:
        case "leaky_relu":
            return layers.LeakyReLU(layer.negative_slope)
        case "prelu":
            first = keras.initializers.Constant(FIRST_SLOPE)
            return layers.PReLU(first, shared_axes=[1, 2] if layer.spatial else None)
        case function:
            return layers.Activation(function)


def _from_space(space: Space, configuration: Configuration, spec: InputSpec) -> Any:
    import keras

    assert space.build is not None  # noqa: S101  the caller asked
    try:
        model = space.build(configuration, spec.image_shape, spec.classes)
    except Infeasible:
        raise
    except Exception as error:
        raise SpaceError(f"build of the space {space.name!r} raised {describe(error)}") from error
    if not isinstance(model, keras.Model):
        raise SpaceError(f"build of the space {space.name!r} returned {type(model).__name__}, not a keras.Model")
    require_uncompiled(model, space.name)
    model = of_tensors(model)
    require_logits(model, space.name, spec.image_shape, spec.classes)
    require_range(model, space.name)
    return model


def of_tensors(model: Any) -> Any:
    """The same model with a tensor for its input and output where `build` has put one of them into a list or a dict:
    Keras takes that by itself, and not within another model, as which an export has it.
    """
    import keras

    if type(model).__name__ != "Functional" or not is_of_keras(model) or isinstance(model.output, dict):
        return model
    alone = not any(isinstance(part, dict | list | tuple) for part in (model.input, model.output))
    if alone or len(model.inputs) != 1 or len(model.outputs) != 1:
        return model
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def require_uncompiled(model: Any, space: str) -> None:
    """Raises SpaceError if `build` has compiled the model: what it chose would be replaced, and it couldn't be seen."""
    if getattr(model, "compiled", False):
        raise SpaceError(
            f"build of the space {space!r} returned a compiled model: its optimizer ({type(model.optimizer).__name__}) "
            "and its loss would be replaced by the configuration's optimizer and cross-entropy. Leave compile() out, "
            "and set Configuration(optimizer=...); for a loss of its own, give the model a compute_loss"
        )
