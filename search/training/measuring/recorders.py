"""What a pass over the validation images leaves for further metrics: counts of classes, or all logits.

Both are metrics of Keras, so that its `evaluate` and compiled steps feed them. A step that is traced while they aren't
`on` has nothing of them in it: training steps are those of a model without them. Importing this module imports Keras.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from spaces.class_counts import ClassCounts

TOP = 5


class Recorder(keras.metrics.Metric):  # type: ignore[misc]  # Keras has no types
    """A metric that is fed within `with recorder.on()` alone."""

    def __init__(self, classes: int, name: str, dtype: str = "float32") -> None:
        super().__init__(name=name, dtype=dtype)
        self.classes = classes
        self._on = False

    @contextmanager
    def on(self) -> Iterator[None]:
        """Feeds it within the block, from nothing."""
        self.reset_state()
        self._on = True
        try:
            yield
        finally:
            self._on = False

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ARG002  Keras has it
        """Takes the labels (n,) and the logits (n, classes) of a batch."""
        if self._on:
            self.record(ops.reshape(y_true, (-1,)), ops.cast(y_pred, "float32"))

    def record(self, labels: Any, logits: Any) -> None:
        """Does what `update_state` does while it is on."""
        raise NotImplementedError

    def result(self) -> Any:
        """Nothing that means anything: Keras lists it next to the accuracy."""
        return ops.zeros(())

    def get_config(self) -> dict[str, Any]:
        """The arguments of its constructor."""
        return {"classes": self.classes}


@keras.saving.register_keras_serializable("search")
class ClassCounter(Recorder):
    """Counts, for each class, images that were taken for it, and rightly; and images with their class in the top 5."""

    def __init__(self, classes: int) -> None:
        super().__init__(classes, "class_counts")
        self._counts = self.add_variable((2 * classes + 1,), "zeros", name="counts")  # one: each takes time to reset

    def record(self, labels: Any, logits: Any) -> None:
        """See Recorder. Of equal logits in the top 5, those of later classes come first, as in scikit-learn."""
        taken_for = ops.one_hot(ops.argmax(logits, axis=-1), self.classes)
        truth = ops.one_hot(labels, self.classes)
        own = ops.sum(ops.where(truth > 0, logits, ops.zeros_like(logits)), axis=-1, keepdims=True)
        later = ops.arange(self.classes)[None, :] > ops.cast(labels, "int32")[:, None]
        before = ops.logical_or(logits > own, ops.logical_and(logits == own, later))
        rank = ops.sum(ops.cast(before, "float32"), axis=-1)
        top5 = ops.sum(ops.cast(rank < TOP, "float32"), keepdims=True)
        hits, predicted = ops.sum(taken_for * truth, axis=0), ops.sum(taken_for, axis=0)
        self._counts.assign_add(ops.concatenate([hits, predicted, top5]))

    def counts(self, labels: NDArray[np.int64]) -> ClassCounts:
        """What was counted, of images of these labels (n,)."""
        hits, predicted, top5 = np.split(self._counts.numpy(), [self.classes, 2 * self.classes])
        images = np.bincount(labels, minlength=self.classes)
        return ClassCounts(hits.tolist(), images.tolist(), predicted.tolist(), float(top5[0]))


@keras.saving.register_keras_serializable("search")
class LogitsKeeper(Recorder):
    """Keeps the logits of all `images`, in the order in which they come."""

    def __init__(self, classes: int, images: int) -> None:
        super().__init__(classes, "logits")
        self.images = images
        self._logits = self.add_variable((images, classes), "zeros", name="logits")
        self._kept = self.add_variable((), "zeros", dtype="int32", name="kept")

    def reset_state(self) -> None:
        """Begins again. What is kept is overwritten, and needn't be cleared."""
        self._kept.assign(0)

    def record(self, labels: Any, logits: Any) -> None:
        """See Recorder."""
        n = ops.shape(labels)[0]
        positions = self._kept + ops.arange(n, dtype="int32")
        self._logits.assign(ops.scatter_update(self._logits, positions[:, None], logits))
        self._kept.assign(self._kept + n)

    @property
    def kept(self) -> int:
        """The number of images whose logits it has."""
        return int(self._kept.numpy())

    def logits(self) -> NDArray[np.float32]:
        """All of them, (images, classes)."""
        kept: NDArray[np.float32] = self._logits.numpy()
        return kept

    def get_config(self) -> dict[str, Any]:
        """The arguments of its constructor."""
        return {"classes": self.classes, "images": self.images}
