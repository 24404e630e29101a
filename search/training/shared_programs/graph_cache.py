"""What programs have in common, so that it's built and traced once. Importing this module imports Keras."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras

from search.training.backends.device import batch_of, differentiable, subprogram
from search.training.lru_cache import Recent
from search.training.models.building import Setting, cross_entropy
from search.training.shared_programs.optimizer_bank import Updates
from search.training.shared_programs.shared_layer import Shape, SharedLayer
from spaces.layers import Layer

KEPT_LAYERS = 256
KEPT_UPDATES = 4
KEPT_BYTES = 2**29


class SharedParts:
    """Makes layers and updates for programs on images of one kind, and keeps those that were used last."""

    def __init__(self) -> None:
        self._layers = Recent[tuple[Layer, Shape, int], SharedLayer](KEPT_LAYERS, KEPT_BYTES, lambda one: one.size)
        self.judge = differentiable(_judged)
        self.batch = subprogram(batch_of)
        self._updates = Recent[int, Updates](KEPT_UPDATES, KEPT_BYTES, lambda one: one.size)

    def layers(self, structure: Sequence[Layer], setting: Setting) -> list[SharedLayer]:
        """The layers of a structure in their order. A layer that it has twice is two."""
        shape, before = tuple(setting.image_shape), Counter[tuple[Layer, Shape]]()
        layers: list[SharedLayer] = []
        for layer in structure:
            layers.append(self._layer(layer, shape, before[layer, shape], setting))
            before[layer, shape] += 1
            shape = layers[-1].shape
        return layers

    def updates(self, length: int) -> Updates:
        """All optimizers for so many weights."""
        return self._updates.get(length, lambda: Updates(length))

    def _layer(self, layer: Layer, shape: Shape, number: int, setting: Setting) -> SharedLayer:
        return self._layers.get((layer, shape, number), lambda: SharedLayer(layer, shape, setting))


def _judged(labels: Any, logits: Any, penalties: list[Any]) -> tuple[Any, Any]:
    """The loss of a batch; and what is summed over batches: loss, images, hits."""
    ops = keras.ops
    loss = cross_entropy()(labels, logits)
    loss = ops.sum([loss, *penalties]) if penalties else loss
    n = ops.cast(ops.shape(labels)[0], "float32")
    hits = ops.sum(keras.metrics.sparse_categorical_accuracy(labels, logits))
    return loss, ops.stack([loss * n, n, hits])
