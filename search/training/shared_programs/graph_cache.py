"""The common parts of programs, built and traced once. Importing this module imports Keras."""

from collections import Counter
from collections.abc import Sequence

import keras

from search.training.backends.protocol import Backend, Tensor
from search.training.lru_cache import LruCache
from search.training.models.building import InputSpec, cross_entropy
from search.training.shared_programs.optimizer_bank import OptimizerBank
from search.training.shared_programs.optional_layers import layer_for
from search.training.shared_programs.shared_layer import Shape, SharedLayer
from search.training.shared_programs.skeleton import Slot

CACHED_LAYERS = 256
CACHED_BANKS = 4
CACHED_BYTES = 2**29


class GraphCache:
    """Makes layers and optimizer banks for programs on images of one kind, and keeps those that were used last."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.loss_and_metrics = backend.differentiable(_loss_and_metrics)
        self.weighted_loss_and_metrics = backend.differentiable(_weighted_loss_and_metrics)
        self.batch_of = backend.traced(backend.batch_of)
        self._layers = LruCache[tuple[Slot, Shape, int], SharedLayer](
            CACHED_LAYERS, CACHED_BYTES, lambda layer: layer.size
        )
        self._banks = LruCache[int, OptimizerBank](CACHED_BANKS, CACHED_BYTES, lambda bank: bank.size)

    def layers(self, slots: Sequence[Slot], spec: InputSpec) -> list[SharedLayer]:
        """The shared layers of a program's slots in their order. A layer that it has twice is two."""
        shape, before = tuple(spec.image_shape), Counter[tuple[Slot, Shape]]()
        shared: list[SharedLayer] = []
        for slot in slots:
            shared.append(self._layer(slot, shape, before[slot, shape], spec))
            before[slot, shape] += 1
            shape = shared[-1].shape
        return shared

    def optimizer_bank(self, length: int) -> OptimizerBank:
        """All optimizers for this many weights."""
        return self._banks.get(length, lambda: OptimizerBank(length, self.backend))

    def _layer(self, slot: Slot, shape: Shape, number: int, spec: InputSpec) -> SharedLayer:
        return self._layers.get((slot, shape, number), lambda: layer_for(slot, shape, spec, self.backend))


def _loss_and_metrics(labels: Tensor, logits: Tensor, penalties: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The loss of a batch; and what is summed over batches: loss, number of images, number of correct ones."""
    return _with_metrics(cross_entropy()(labels, logits), labels, logits, penalties)


def _weighted_loss_and_metrics(
    labels: Tensor, logits: Tensor, penalties: list[Tensor], weights: Tensor
) -> tuple[Tensor, Tensor]:
    """The same, with a weight in the loss for each image of the batch."""
    return _with_metrics(cross_entropy()(labels, logits, sample_weight=weights), labels, logits, penalties)


def _with_metrics(loss: Tensor, labels: Tensor, logits: Tensor, penalties: list[Tensor]) -> tuple[Tensor, Tensor]:
    ops = keras.ops
    loss = ops.sum([loss, *penalties]) if penalties else loss
    n = ops.cast(ops.shape(labels)[0], "float32")
    correct = ops.sum(keras.metrics.sparse_categorical_accuracy(labels, logits))
    return loss, ops.stack([loss * n, n, correct])
