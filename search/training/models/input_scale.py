"""A check that the first layers of a space's own model are meant for pixels of 0 to 1, and not for bytes."""

from typing import Any

import numpy as np

from search.training.models.plain_model import all_layers, is_of_keras
from spaces.errors import SpaceError

# No picture uses so little of its pixels' range; bytes would be multiplied by 1/255 or 1/127.
SMALLEST = 1 / 50
# Layers of Keras that make something else of images whose pixels have another range than their `value_range`, which is
# (0, 255) unless it is given. To others that have one it makes next to no difference.
OF_A_RANGE = frozenset(
    {"AugMix", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "RandAugment", "RandomBrightness"}
    | {"RandomErasing", "RandomInvert", "RandomPosterization", "Solarization"}
)
# Layers that leave the range of pixels as it is, and may come before the one that scales.
KEEPING_RANGE = (
    "CenterCrop",
    "Cropping",
    "Identity",
    "InputLayer",
    "Permute",
    "Random",
    "Reshape",
    "Resizing",
    "ZeroPadding",
)


def require_range(model: Any, space: str) -> None:
    """Raises SpaceError if the model begins with a Rescaling for bytes, or with one of Keras' augmentations for bytes.
    Pixels would be next to nothing, or white: a model trains badly on them, and nothing says why.
    """
    scale = 1.0
    for layer in all_layers(model):
        kind = type(layer).__name__
        if hasattr(layer, "layers"):  # a model, whose layers come next
            continue
        if not is_of_keras(layer):
            break
        if kind == "Rescaling":
            scale *= float(np.max(np.abs(np.asarray(layer.scale, dtype=np.float64))))
        elif kind in OF_A_RANGE:
            _require_its_range(kind, layer.value_range, scale, space)
        elif not kind.startswith(KEEPING_RANGE):
            break
    if scale < SMALLEST:
        raise SpaceError(
            f"the model of the space {space!r} begins by multiplying pixels by {scale:.3g} (Rescaling), as is done "
            "with bytes: here they are float32 from 0 to 1 already, and would be next to nothing. Leave that layer "
            "out, or where it is inside of a ready-made model, put Rescaling(255) before that. An exported model takes "
            "bytes: it gets a layer that scales them"
        )


def _require_its_range(kind: str, value_range: Any, scale: float, space: str) -> None:
    low, high = value_range
    if scale < SMALLEST * high:
        raise SpaceError(
            f"the model of the space {space!r} begins with a {kind} for pixels from {low:g} to {high:g}: here they are "
            "from 0 to 1. Give it value_range=(0, 1), or what a layer before it makes of that"
        )
