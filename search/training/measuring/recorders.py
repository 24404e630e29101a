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
            self.record(y_true if len(y_true.shape) == 1 else ops.reshape(y_true, (-1,)), ops.cast(y_pred, "float32"))

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
    """Counts, for each class, images that were taken for it, wrongly and rightly; with `top5`, also images with their
    class in the top 5.

    Each operation and each reset takes a short epoch's time. So there are few of them, and the counts go on from pass
    to pass: a pass has what they differ by, which holds even when they overflow.
    """

    def __init__(self, classes: int, *, top5: bool = True) -> None:
        super().__init__(classes, "class_counts")
        self._top5 = top5
        self._counts = self.add_variable((2 * classes,), "zeros", dtype="int32", name="counts")
        self._in_top5 = self.add_variable((), "zeros", dtype="int32", name="in_top5") if top5 else None
        self._before, self._top5_before = self._now()

    def reset_state(self) -> None:
        """Begins again."""
        self._before, self._top5_before = self._now()

    def record(self, labels: Any, logits: Any) -> None:
        """See Recorder. Of equal logits in the top 5, those of later classes come first, as in scikit-learn."""
        labels, taken_for = ops.cast(labels, "int32"), ops.top_k(logits, 1)[1][:, 0]  # argmax takes ten operations
        hit = ops.cast(ops.equal(taken_for, labels), "int32")
        ones = ops.ones_like(taken_for)
        self._counts.assign_add(ops.segment_sum(ones, taken_for + self.classes * hit, num_segments=2 * self.classes))
        if self._in_top5 is not None:
            self._in_top5.assign_add(ops.sum(ops.cast(_rank(labels, logits, self.classes) < TOP, "int32")))

    def counts(self, labels: NDArray[np.int64]) -> ClassCounts:
        """What was counted, of images of these labels (n,)."""
        now, in_top5 = self._now()
        wrongly, hits = np.split(now - self._before, [self.classes])
        images = np.bincount(labels, minlength=self.classes)
        return ClassCounts(
            hits.tolist(), images.tolist(), (wrongly + hits).tolist(), float(in_top5 - self._top5_before)
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of its constructor."""
        return {"classes": self.classes, "top5": self._top5}

    def _now(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        in_top5 = np.zeros((), np.int32) if self._in_top5 is None else self._in_top5.numpy()
        return np.array(self._counts.numpy()), np.array(in_top5)


def _rank(labels: Any, logits: Any, classes: int) -> Any:
    """How many classes come before an image's own one by their logits."""
    truth = ops.one_hot(labels, classes)
    own = ops.sum(ops.where(truth > 0, logits, ops.zeros_like(logits)), axis=-1, keepdims=True)
    later = ops.arange(classes)[None, :] > labels[:, None]
    before = ops.logical_or(logits > own, ops.logical_and(logits == own, later))
    return ops.sum(ops.cast(before, "float32"), axis=-1)


@keras.saving.register_keras_serializable("search")
class LogitsKeeper(Recorder):
    """Keeps the logits of the last `images`, in the order in which they come. Its count goes on, as in ClassCounter."""

    def __init__(self, classes: int, images: int) -> None:
        super().__init__(classes, "logits")
        self.images = images
        self._logits = self.add_variable((images, classes), "zeros", name="logits")
        self._kept = self.add_variable((), "zeros", dtype="int32", name="kept")
        self._before = np.int32(0)

    def reset_state(self) -> None:
        """Begins again. What is kept is overwritten, and needn't be cleared."""
        self._before = np.int32(self._kept.numpy())

    def record(self, labels: Any, logits: Any) -> None:
        """See Recorder."""
        n = ops.shape(labels)[0]
        self._logits.assign(ops.concatenate([self._logits.value, logits])[n:])
        self._kept.assign_add(n)

    @property
    def kept(self) -> int:
        """The number of images whose logits have come since it began."""
        return int(np.subtract(self._kept.numpy(), self._before, dtype=np.int32))

    def logits(self) -> NDArray[np.float32]:
        """All of them, (images, classes)."""
        kept: NDArray[np.float32] = self._logits.numpy()
        return kept

    def get_config(self) -> dict[str, Any]:
        """The arguments of its constructor."""
        return {"classes": self.classes, "images": self.images}
