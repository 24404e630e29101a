"""A trained model for people without this project: Keras' own layers alone, from raw pixels to probabilities."""

import inspect
import json
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from search.training.optimizers.optimizer import make_optimizer
from spaces.blame import condensed
from spaces.configuration import Configuration
from spaces.errors import SpaceError
from spaces.precision import Precision
from spaces.space import ImageShape

PROBABILITIES = "probabilities"
NOT_WRITTEN = {"name", "trainable", "dtype"}


def load_trained(path: Path) -> Any:
    """The uncompiled model that a trial left: from scaled pixels to logits.

    Raises:
        SpaceError: it has layers or functions that aren't Keras' own, which can't be loaded without the space's code.
            (This process may have run that, and would find them.)
    """
    import keras

    try:
        foreign = sorted(set(foreign_names(content_of(path))))
        model = None if foreign else keras.saving.load_model(path, compile=False)
    except (BadZipFile, KeyError, TypeError, ValueError) as error:
        raise SpaceError(f"the model can't be opened with Keras alone: {condensed(str(error))}") from error
    if foreign:
        raise SpaceError(
            f"the model has layers or functions of the space's own ({', '.join(foreign)}): an export holds Keras' own "
            "alone, so that it opens without other code. Build it from those, or keep using the study's own model file"
        )
    return model


def content_of(path: Path) -> dict[str, Any]:
    """The configuration in a model's file, without its optimizer, loss and metrics."""
    with ZipFile(path) as file:
        content: dict[str, Any] = json.loads(file.read("config.json"))
    content.pop("compile_config", None)
    return content


def foreign_names(document: Any) -> Iterator[str]:
    """The names of classes and functions in a model's configuration, as it is in its file, that aren't Keras' own."""
    if isinstance(document, dict):
        if (name := foreign_name(document)) is not None:
            yield name
        for value in document.values():
            yield from foreign_names(value)
    elif isinstance(document, list):
        for value in document:
            yield from foreign_names(value)


def foreign_name(document: dict[str, Any]) -> str | None:
    """The name of the class or function that a part of a configuration is about; None if that is Keras' own, or none.
    Keras writes a registered function down as one of Python's, by the name under which it is registered.
    """
    kind, module = document.get("class_name"), document.get("module")
    if not isinstance(kind, str) or "config" not in document:
        return None
    registered = document["config"] if kind == "function" else document.get("registered_name")
    own = isinstance(module, str) and module.partition(".")[0] not in ("keras", "builtins")
    if not own and not (isinstance(registered, str) and ">" in registered):
        return None
    return str(registered if kind == "function" else kind).rpartition(">")[2]


def all_layers(model: Any) -> Iterator[Any]:
    """Every layer, those of models within the model too."""
    yield model
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from all_layers(layer)
        else:
            yield layer


def is_of_keras(layer: Any) -> bool:
    """Whether a layer is one of Keras' own."""
    return type(layer).__module__.split(".")[0] == "keras"


def plain_model(trained: Any, image_shape: ImageShape, pixel_max: float) -> Any:
    """The same model, that takes pixels as the data has them and gives probabilities: it scales by itself."""
    model = uncompiled(trained, image_shape, pixel_max)
    # For `evaluate`. Plain SGD has no variables for each weight, which this file hasn't and Keras would warn of.
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def uncompiled(trained: Any, image_shape: ImageShape, pixel_max: float) -> Any:
    """The same, as a part of other models."""
    import keras

    inner = trained.layers if isinstance(trained, keras.Sequential) else [trained]
    taken = {layer.name for layer in inner}
    before = [keras.Input(image_shape, name="pixels"), keras.layers.Rescaling(1 / pixel_max, name=free("scale", taken))]
    after = keras.layers.Softmax(name=free(PROBABILITIES, taken))
    return keras.Sequential([*before, *inner, after])


def free(name: str, taken: Collection[str]) -> str:
    """The name, with a number if a layer of the space has it: Keras has one layer of a name."""
    names = chain([name], (f"{name}_{number}" for number in count(2)))
    return next(one for one in names if one not in taken)


def averaged(models: Sequence[Any], names: Sequence[str], image_shape: ImageShape) -> Any:
    """One model of these, each under its name, that gives the mean of their probabilities, in float32. None of them is
    compiled: Keras can't open a file with the optimizers of models within a model.
    """
    import keras

    pixels = keras.Input(image_shape, name="pixels")
    outputs = []
    for model, name in zip(models, names, strict=True):
        model.name = name
        outputs.append(model(pixels))
    mean = keras.layers.Average(name=PROBABILITIES, dtype="float32")(outputs)
    return keras.Model(pixels, mean, name="ensemble")


def accuracy(model: Any, images: NDArray[Any], labels: NDArray[np.int64], batch_size: int) -> float:
    """The share of images whose most probable class is the right one."""
    predicted = model.predict(images.astype(np.float32), batch_size=batch_size, verbose=0)
    return float(np.mean(predicted.argmax(axis=1) == labels))


def layers_code(layers: Sequence[Any]) -> list[str] | None:
    """Layers as Python calls; None if one of them can't be written as one."""
    codes = [call("keras.layers", layer) for layer in layers]
    return None if None in codes else [code for code in codes if code is not None]


def optimizer_code(configuration: Configuration, precision: Precision = "float32", steps: int | None = None) -> str:
    """The optimizer as a Python call, for a training of this many steps. Keras adds what float16 needs only to models
    that are float16 as a whole; here, each layer says what it computes in.

    Raises:
        SpaceError: it can't be written as a call.
    """
    code = call("keras.optimizers", make_optimizer(configuration.optimizer, steps))
    if code is None:
        raise SpaceError(f"the optimizer {configuration.optimizer} can't be written as a call of Keras")
    return f"keras.optimizers.LossScaleOptimizer({code})" if precision == "mixed_float16" else code


def call(module: str, instance: Any) -> str | None:
    """The call that makes such an object, with what isn't as by default; None if it can't be written as one."""
    kind, config = type(instance), instance.get_config()
    parameters = inspect.signature(kind.__init__).parameters
    required = [
        name
        for name, parameter in parameters.items()
        if name not in ("self", "kwargs", "args") and parameter.default is parameter.empty
    ]
    default = kind(**{name: config[name] for name in required}).get_config()
    wanted = {name: config[name] for name in required}
    wanted |= {name: value for name, value in config.items() if name not in NOT_WRITTEN and value != default.get(name)}
    precision = getattr(instance, "dtype_policy", None)
    if precision is not None and precision.name != "float32":
        wanted["dtype"] = precision.name
    if "learning_rate" in wanted:
        wanted["learning_rate"] = shortest(wanted["learning_rate"])
    arguments = {name: written(value) for name, value in wanted.items()}
    if None in arguments.values():
        return None
    return f"{module}.{kind.__name__}({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def written(value: Any) -> str | None:
    """The value in Python; None if it can't be written down."""
    import keras

    if value is None or isinstance(value, str | int | float | bool | tuple | list):
        return repr(value)
    if isinstance(value, dict) and str(value.get("module")).split(".")[0] == "keras":
        return call(value["module"], keras.saving.deserialize_keras_object(value))
    return None


def shortest(rate: Any) -> Any:
    """A rate, which Keras keeps in a variable of float32, in the shortest digits that mean the same."""
    return float(str(np.float32(rate))) if isinstance(rate, float) else rate
