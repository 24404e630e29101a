"""An exported model with what its JSON file says: its classes, and the form in which it takes images."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from search.datasets.pictures import Depth, Form
from search.datasets.scales import SLIGHTLY
from search.errors import UsageError
from spaces.blame import condensed
from spaces.resizing import Resize


class InputDescription(msgspec.Struct, frozen=True):
    """The shape of an image, (height, width, channels), and how images of other sizes come to it. `depth` is that
    of the files that it was trained on, whose pixels it takes as they are; None for other data. `lowest` is the lowest
    of the training pixels.
    """

    shape: tuple[int, int, int]
    resize: Resize = "stretch"
    depth: Depth | None = None
    lowest: float = 0.0


class Description(msgspec.Struct, frozen=True):
    """What predictions need to know of a model. `scaled_inside_by` is what it divides pixels by: the largest value that
    they had in its data.
    """

    classes: tuple[str, ...]
    input: InputDescription
    scaled_inside_by: float

    @property
    def signed(self) -> bool:
        """Whether its pixels are below 0, as after a standardization, and can't be had from those of other files."""
        return self.input.lowest < -SLIGHTLY * self.scaled_inside_by


@dataclass(frozen=True, eq=False)
class ExportedModel:
    """A Keras model from unscaled pixels to probabilities, and its description."""

    model: Any
    description: Description

    @property
    def form(self) -> Form:
        """What images are brought to."""
        height, width, channels = self.description.input.shape
        return Form(_one_or_three(channels), (width, height), self.description.input.resize)

    @property
    def top(self) -> float:
        """What the largest possible pixel of an image is for the model."""
        return 255.0 if self.description.input.depth == "8-bit" else self.description.scaled_inside_by

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability of each class, (n, classes), for images (n, height, width, channels)."""
        import keras

        given: NDArray[np.float32] = keras.ops.convert_to_numpy(self.model(images, training=False))
        return given


def open_exported(path: Path) -> ExportedModel:
    """The model of a .keras file that `search.export` wrote.

    Raises:
        UsageError: it, or the JSON file next to it, doesn't exist or isn't an export's; or it takes no images of files.
    """
    description = read_description(path)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(f"{path} can't be opened by Keras: {condensed(str(error))}") from error
    require_fitting(path, description, tuple(model.input_shape[1:]), tuple(model.output_shape[1:]))
    return ExportedModel(model, description)


def read_description(path: Path) -> Description:
    """The content of the JSON file next to the model; raises UsageError if it can't be read."""
    companion = path.with_suffix(".json")
    if not path.is_file():
        raise UsageError(f"there is no model {path}: python -m search.export writes one")
    try:
        description = msgspec.json.decode(companion.read_bytes(), type=Description)
    except OSError as error:
        raise UsageError(
            f"{companion} can't be read ({error.strerror}): python -m search.export writes it next to the model, with "
            "the model's classes and the form of its images"
        ) from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{companion} isn't what python -m search.export writes next to a model: {error}") from error
    if description.input.shape[2] not in (1, 3):
        raise UsageError(f"{path} takes images of {description.input.shape[2]} channels; files have 1 or 3")
    if description.signed and description.input.depth is None:
        raise UsageError(
            f"{path} was trained on pixels from {description.input.lowest:g} on, and those of image files begin at 0: "
            "how they were brought there isn't known. Treat your images as you did the training data, and give them to "
            "keras.models.load_model(...).predict"
        )
    return description


def require_fitting(path: Path, description: Description, taken: Sequence[int], given: Sequence[int]) -> None:
    """Raises UsageError unless the model has the shapes that its description says."""
    if tuple(taken) != description.input.shape or tuple(given) != (len(description.classes),):
        raise UsageError(
            f"{path.with_suffix('.json')} describes another model than {path}: it says images of "
            f"{description.input.shape} and {len(description.classes)} classes, and the model takes {tuple(taken)} and "
            f"gives {tuple(given)}"
        )


def _one_or_three(channels: int) -> Literal[1, 3]:
    return 1 if channels == 1 else 3
