"""The script that trains an exported model again, and its arrays: the trial's whole training."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.errors import UsageError
from search.exporting.positions import Parts
from search.exporting.reading import Reading
from search.exporting.rendering import render
from search.study.class_weight import class_weight
from search.training.models.plain_model import layers_code, optimizer_code
from search.views.configuration_text import Described
from spaces.class_weight import class_weights
from spaces.configuration import Augmentation, EarlyStopping, Pixels
from spaces.errors import SpaceError
from spaces.resizing import Resize

NEAR = 2  # folders up from the script, within which its data is named by the way there

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Training:
    """Everything that a script says of how its trial was trained.

    `layers` are those behind the treatment of pixels, None where the space builds its models: the script then opens the
    file of the untrained model. `before` are the layers of the treatment, with what they were fitted to. `steps` are
    those of the whole training. `dataset` is the study's reference to its data.
    """

    described: Described
    parts: Parts
    reading: Reading
    pixel_max: float
    seed: int
    before: list[Any]
    layers: list[Any] | None
    dataset: str

    @property
    def steps(self) -> int:
        """The steps of the whole training."""
        return int(self.described.manifest.epochs * -(-len(self.parts.train) // self.described.batch_size))

    @property
    def class_weights(self) -> dict[int, float] | None:
        """How much a training image of each class counts, None where all count the same."""
        scheme = class_weight(self.described.manifest, self.described.configuration)
        counts = np.bincount(self.parts.train_labels, minlength=len(self.described.manifest.classes))
        weights = class_weights(scheme, counts.tolist())
        return None if weights is None else dict(enumerate(weights))


@dataclass(frozen=True)
class Files:
    """The names of the script's files, and where the script lies."""

    script: Path
    numbers: str
    start: str


@dataclass(frozen=True)
class ScriptAugmentation:
    """How a script augments: mirrored or not, how many pixels images are moved at most, and what comes in."""

    flip: bool
    most: int
    mode: str
    words: str


@dataclass(frozen=True)
class Stopping:
    """When a script stops, and which weights it keeps; `badness` is the number that gets smaller."""

    patience: int | None
    restore_best: bool
    badness: str


def numbers_of(training: Training) -> Arrays:
    """The arrays of the file next to the script."""
    return {
        **{name: np.asarray(values) for name, values in asdict(training.parts).items()},
        **{name: np.asarray(values) for name, values in training.reading.numbers.items()},
        **fitted(training),
    }


def fitted(training: Training) -> Arrays:
    """The fitted numbers of the pixels' treatment, from the model's own layers."""
    kind: Pixels = training.described.configuration.inputs.pixels
    match kind:
        case "scaled":
            return {}
        case "standardised":
            (layer,) = training.before
            mean, variance = (np.asarray(value, np.float32).reshape(-1) for value in (layer.mean, layer.variance))
            return {"mean": mean, "deviation": np.sqrt(variance)}
        case "zca":
            matrix, bias = training.before[1].get_weights()
            return {"whitening": matrix, "whitening_bias": bias}


def layers_before(pixels: Pixels) -> int:
    """How many layers of a kept model treat its pixels."""
    return {"scaled": 0, "standardised": 1, "zca": 3}[pixels]


def fitted_before(trained: Any, pixels: Pixels) -> int:
    """How many numbers of a kept model its treatment of pixels was fitted to: no training changes them."""
    return sum(int(layer.count_params()) for layer in trained.layers[: layers_before(pixels)])


def script_text(training: Training, files: Files, title: str) -> str:
    """The script.

    Raises:
        SpaceError: a layer or the optimizer can't be written down.
    """
    described, reading = training.described, training.reading
    manifest, configuration = described.manifest, described.configuration
    own = training.layers is None
    return render(
        "model.py.txt",
        title=" ".join(title.replace('"', "'").replace("\\", "/").split()),
        name=files.script.name,
        packages=listing(["NumPy", *reading.packages]),
        files=listing([files.numbers, *([files.start] if own else [])]),
        about_data=ABOUT[reading.kind].format(name=reading.name.replace('"', "'").replace("\\", "/")),
        example={"folder": "FOLDER"}.get(reading.kind, "FILE.npz"),
        data_help={"folder": "the folder of images"}.get(reading.kind, "an .npz file with the images"),
        default=default_data(training.dataset, reading, files.script),
        reading=reading,
        resized=RESIZED[manifest.resizing.resize],
        pads=manifest.resizing.resize == "pad",
        numbers=repr(files.numbers),
        start=repr(files.start),
        image_shape=tuple(described.image_shape),
        classes=tuple(manifest.classes),
        pixel_max=training.pixel_max,
        epochs=manifest.epochs,
        batch_size=described.batch_size,
        seed=training.seed,
        class_weights=training.class_weights,
        pixels=configuration.inputs.pixels,
        shuffled=configuration.shuffled_labels,
        augmentation=script_augmentation(configuration.inputs.augmentation),
        stopping=stopping(configuration.early_stopping),
        layers=None if training.layers is None else written_layers(training.layers),
        optimizer=optimizer_code(configuration, manifest.precision, training.steps),
    )


# How a script brings an image to the size of all: the functions that search/datasets/resizing.py uses.
RESIZED: Mapping[Resize, str] = MappingProxyType(
    {
        "crop": "ImageOps.fit({image}, {size}, Image.Resampling.BILINEAR)",
        "pad": "padded({image}, {size})",
        "stretch": "{image}.resize({size}, Image.Resampling.BILINEAR)",
    }
)

ABOUT = {
    "digits": "The images are scikit-learn's.",
    "keras": "The images are those of keras.datasets.{name}, which it downloads, or those of an .npz file (--data).",
    "npz": "The images are those of {name}: say with --data where it is.",
    "folder": "The images are those of the folder {name}: say with --data where it is.",
}


def written_layers(layers: list[Any]) -> list[str]:
    """The layers as calls; raises SpaceError if one can't be written as one."""
    codes = layers_code(layers)
    if codes is None:
        raise SpaceError("a layer of the model can't be written as a call of Keras")
    return codes


def script_augmentation(augmentation: Augmentation) -> ScriptAugmentation | None:
    """How to augment, None if images stay as they are."""
    if augmentation == Augmentation():
        return None
    most = augmentation.shift or augmentation.crop
    mode: Literal["edge", "constant"] = "constant" if augmentation.crop else "edge"
    filled = "black" if augmentation.crop else "the edge repeated"
    words = [
        *(["mirrored or not"] if augmentation.flip else []),
        *([f"moved by up to {most} pixels with {filled} for what comes in"] if most else []),
    ]
    return ScriptAugmentation(augmentation.flip, most, repr(mode).replace("'", '"'), " and ".join(words))


def stopping(rule: EarlyStopping | None) -> Stopping | None:
    """When to stop, None for after the last epoch.

    Raises:
        SpaceError: by something that a script doesn't measure.
    """
    if rule is None:
        return None
    if rule.monitor not in ("val_loss", "val_accuracy"):
        raise SpaceError(f"early stopping by {rule.monitor} can't be written into a script")
    badness = "scores['loss']" if rule.monitor == "val_loss" else "-scores['accuracy']"
    return Stopping(rule.patience, rule.restore_best, badness.replace("'", '"'))


def default_data(dataset: str, reading: Reading, script: Path) -> str:
    """Where the script looks for its data, as Python: by the way from the script if they are near each other."""
    if reading.kind in ("digits", "keras"):
        return "None"
    way = os.path.relpath(dataset, script.absolute().parent)
    if Path(way).parts[: NEAR + 1].count(os.pardir) <= NEAR:
        return f"HERE / {way!r}"
    return f"Path({dataset!r})"


def listing(words: list[str]) -> str:
    """A, B and C."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def require_same_network(trained: Any, start: Any, before: int, space: str) -> None:
    """Raises UsageError unless a model that was built for the script is of the shapes of the trained one, of which so
    many layers treat pixels.
    """
    own = [weight for layer in trained.layers[before:] for weight in layer.weights] if before else trained.weights
    if [tuple(weight.shape) for weight in own] != [tuple(weight.shape) for weight in start.weights]:
        raise UsageError(
            f"the space {space} doesn't build the network any more that the trial trained, so that no script can begin "
            "with its first weights: --no-script leaves the script out"
        )
