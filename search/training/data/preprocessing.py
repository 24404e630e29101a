"""The images and labels that a configuration trains on, made from a split."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from search.training.data.pixels import fit_pixels, spread_warning
from search.training.data.split import Split
from spaces.configuration import Configuration, Pixels

SHUFFLE = 2  # what the split's seed is used for besides choosing images (0 and 1)


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of images and labels before the first epoch. `seed` is the split's."""

    pixels: Pixels
    shuffled_labels: bool
    seed: int

    @classmethod
    def of(cls, configuration: Configuration, seed: int) -> "Preprocessing":
        """The preprocessing that a configuration asks for."""
        return cls(configuration.inputs.pixels, configuration.shuffled_labels, seed)


@dataclass(frozen=True, eq=False)
class Preprocessed:
    """Preprocessed data, what makes a model for them one for scaled images, and what should be said of them."""

    data: Split
    for_scaled: Callable[[Any], Any]
    warning: str = ""


def preprocess(data: Split, preprocessing: Preprocessing) -> Preprocessed:
    """The split with its training and validation images and labels preprocessed; its test images stay as they are."""
    labeled = preprocessed_labels(data, preprocessing)
    if preprocessing.pixels == "scaled":
        return Preprocessed(labeled, lambda model: model)
    training = data.scaled(data.x_train)
    fitted = fit_pixels(preprocessing.pixels, training)
    x = np.empty(data.x.shape, np.float32)
    x[data.train] = fitted.apply(training)
    x[data.val] = fitted.apply(data.scaled(data.x_val))
    preprocessed = replace(labeled, x=x, pixel_max=1.0)
    warning = spread_warning(x[data.train], x[data.val]) if preprocessing.pixels == "zca" else ""
    return Preprocessed(preprocessed, lambda model: _behind(fitted.layers(), model, data.image_shape), warning)


def preprocessed_labels(data: Split, preprocessing: Preprocessing) -> Split:
    """The split with the labels that are trained on. Shuffled ones of training and validation images are permuted
    together, so that neither says anything of its image.
    """
    if not preprocessing.shuffled_labels:
        return data
    labels = np.concatenate([data.y_train, data.y_val])
    shuffled = np.random.default_rng([preprocessing.seed, SHUFFLE]).permutation(labels)
    return replace(data, y_train=shuffled[: len(data.y_train)], y_val=shuffled[len(data.y_train) :])


def _behind(layers: list[Any], model: Any, image_shape: tuple[int, int, int]) -> Any:
    """One model of the layers and the model. It has the model's optimizer, in the state in which it is,
    unless the model isn't a plain sequence of layers, or has one of the same name, as Keras has one layer of a name:
    then it contains the whole model, with its optimizer.
    """
    import keras

    names = {layer.name for layer in layers}
    if type(model) is not keras.Sequential or any(layer.name in names for layer in model.layers):
        return keras.Sequential([keras.Input(image_shape), *layers, model])
    whole = keras.Sequential([keras.Input(image_shape), *layers, *model.layers])
    whole.compile(optimizer=model.optimizer, loss=model.loss, metrics=["accuracy"])
    return whole
