"""What a model says of images: the probability of each class, a batch at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from search.datasets.errors import FolderError
from search.predict.exported_model import ExportedModel
from search.predict.image_files import ImageFile, ReadImage, read_image

BATCH = 64


@dataclass(frozen=True)
class Prediction:
    """The probability of each class, in the order of the model's classes, and what was done to the image to read it."""

    path: Path
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    treated: tuple[str, ...] = ()

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """Classes and probabilities, the most probable first."""
        return sorted(zip(self.classes, self.probabilities, strict=True), key=lambda one: -one[1])


@dataclass(frozen=True)
class Unreadable:
    """A file that is no image that can be read, and why."""

    path: Path
    problem: str


def predict(exported: ExportedModel, files: Iterable[ImageFile]) -> Iterator[Prediction | Unreadable]:
    """What the model says of each file, in the order in which they are given. Few images are in memory at a time."""
    rest = iter(files)
    while some := tuple(islice(rest, BATCH)):
        images = [_read(exported, file) for file in some]
        yield from _predicted(exported, some, images)


def _read(exported: ExportedModel, file: ImageFile) -> ReadImage | Unreadable:
    try:
        description = exported.description
        return read_image(file, exported.form, exported.top, description.input.depth, signed=description.signed)
    except (FolderError, OSError) as error:
        return Unreadable(file.path, str(error))


def _predicted(
    exported: ExportedModel, files: Sequence[ImageFile], images: Sequence[ReadImage | Unreadable]
) -> Iterator[Prediction | Unreadable]:
    read = [image.pixels for image in images if isinstance(image, ReadImage)]
    rows = iter(exported.probabilities(np.stack(read)) if read else ())
    for file, image in zip(files, images, strict=True):
        if isinstance(image, Unreadable):
            yield image
        else:
            yield Prediction(file.path, exported.description.classes, tuple(map(float, next(rows))), image.treated)
