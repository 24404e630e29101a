"""How images come to Keras' `fit` and `evaluate`: as whole arrays, or streamed batch by batch."""

from collections.abc import Callable
from typing import Any, Protocol

from search.training.data.augmentation import augment
from search.training.data.order import Order, parts_of
from search.training.data.split import Split

LARGEST_WHOLE = 2**30  # bytes of images, which are four times as many when they are scaled
THREADS = 2  # that read batches; Keras reads ahead from two on, and with one when it needs a batch


class BatchSource(Protocol):
    """Arguments of `fit` and `evaluate`; however they come, the batches are the same."""

    def training(self, order: Order) -> dict[str, Any]:
        """The images for training in an epoch's order."""

    def validation(self) -> dict[str, Any]:
        """The images for validation."""


class ArrayBatches:
    """A BatchSource of images that are scaled once and held."""

    def __init__(self, data: Split, batch_size: int) -> None:
        self._data, self._batch_size = data, batch_size
        self._train, self._val = data.scaled(data.x_train), data.scaled(data.x_val)

    def training(self, order: Order) -> dict[str, Any]:
        """See BatchSource."""
        positions, parameters = parts_of(order)
        images = self._train[positions]
        augmented = images if parameters is None else augment(images, parameters)
        return {"x": augmented, "y": self._data.y_train[positions], "batch_size": self._batch_size}

    def validation(self) -> dict[str, Any]:
        """See BatchSource."""
        return {"x": self._val, "y": self._data.y_val, "batch_size": self._batch_size}


class StreamedBatches:
    """A BatchSource that holds but some batches of the images: while one is trained on, threads read others.

    With other backends than TensorFlow, Keras looks at the first batch of a model that isn't built yet, and begins
    again, but with what threads have read by then: the epoch would have other batches than the order says. So they read
    from the second time on.
    """

    def __init__(self, data: Split, batch_size: int) -> None:
        self._data, self._batch_size = data, batch_size
        self._begun = False

    def training(self, order: Order) -> dict[str, Any]:
        """See BatchSource."""
        data = self._data

        def batch(part: slice) -> tuple[Any, Any]:
            positions, parameters = parts_of(order[part])
            images = data.scaled(data.x[data.train[positions]])
            return images if parameters is None else augment(images, parameters), data.y_train[positions]

        return {"x": self._stream(data.n_train, batch)}

    def validation(self) -> dict[str, Any]:
        """See BatchSource."""
        data = self._data
        return {"x": self._stream(data.n_val, lambda part: (data.scaled(data.x[data.val[part]]), data.y_val[part]))}

    def _stream(self, images: int, batch: Callable[[slice], tuple[Any, Any]]) -> Any:
        import keras

        size = self._batch_size
        threads = THREADS if self._begun or keras.config.backend() == "tensorflow" else 1
        self._begun = True

        class Stream(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
            """The batches in their order, a last partial one included."""

            def __len__(self) -> int:
                return -(-images // size)

            def __getitem__(self, number: int) -> tuple[Any, Any]:
                return batch(slice(number * size, (number + 1) * size))

        return Stream(workers=threads)


def make_batch_source(data: Split, batch_size: int) -> BatchSource:
    """The way for this data."""
    return StreamedBatches(data, batch_size) if data.x.nbytes > LARGEST_WHOLE else ArrayBatches(data, batch_size)
