"""The size of images: of a trial, and in a study."""

from collections.abc import Mapping
from typing import Any

import msgspec

from search.study.trial_attributes import TrialAttributes
from search.trainers.protocol import DataSource
from spaces.configuration import Configuration
from spaces.resizing import ImageSize, in_order, in_size, parse_size
from spaces.space import ImageShape
from spaces.widening import IMAGE_SIZE
from storage import Manifest


def stored_image_sizes(manifest: Manifest) -> tuple[ImageSize, ...]:
    """The sizes that a study was told: those that it searches, else the one that it has; none if images were left in
    the size in which they were found.
    """
    one = manifest.resizing.size
    return manifest.image_sizes or (() if one is None else (one,))


def image_shape(manifest: Manifest, configuration: Configuration) -> ImageShape:
    """(height, width, channels) of a configuration's images: its own size if it has one, else the study's."""
    return in_size(manifest.image_shape, configuration.image_size)


def largest_shape(manifest: Manifest) -> ImageShape:
    """That of the largest images that trials have, as far as the manifest says it: of those that a narrowing leaves."""
    fixed, only = manifest.fixed.get(IMAGE_SIZE), manifest.only.get(IMAGE_SIZE, ())
    left = [parse_size(str(one)) for one in (only if fixed is None else (fixed,))]
    sizes = in_order(size for size in left if size is not None)
    return in_size(manifest.image_shape, sizes[-1] if sizes else None)


def trial_image_size(attributes: Mapping[str, Any]) -> ImageSize | None:
    """The size that a stored trial's configuration has; None if it has the study's."""
    stored = TrialAttributes.of(attributes).configuration
    size = stored.get(IMAGE_SIZE) if isinstance(stored, Mapping) else None
    return None if size is None else msgspec.convert(size, ImageSize)


def images_in_size(data: DataSource, size: ImageSize | None) -> DataSource:
    """A study's images in a trial's size, None for the study's own. The fingerprint, and what is decoded for all
    trainers, are of that.
    """
    if size is None or size == data.resizing.size:
        return data
    resizing = msgspec.structs.replace(data.resizing, size=size)
    return msgspec.structs.replace(data, resizing=resizing, decoded=None, fingerprint=None)
