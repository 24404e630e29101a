"""Epochs through Keras' own `fit` and `evaluate`: for every model and every backend."""

from typing import Any

from search.training.augmentation import move
from search.training.fit import Order, Score, Stop
from search.training.split import Split


class KerasRunner:
    """An EpochRunner over `model.fit`, one call an epoch."""

    def __init__(self, model: Any, data: Split, batch_size: int) -> None:
        self._model = model
        self._train = data.scaled(data.x_train), data.y_train
        self._val = data.scaled(data.x_val), data.y_val
        self._batch_size = batch_size

    def train(self, order: Order, stop: Stop) -> Score | None:
        """See EpochRunner. It can be stopped after any batch."""
        stopper = _stopper(stop)
        images, labels = self._train
        positions = order if order.ndim == 1 else order[:, 0]
        chosen = images[positions]
        history = self._model.fit(
            chosen if order.ndim == 1 else move(chosen, order[:, 1:]),
            labels[positions],
            batch_size=self._batch_size,
            shuffle=False,
            verbose=0,
            callbacks=[stopper],
        ).history
        return None if stopper.stopped else Score(history["loss"][0], history["accuracy"][0])

    def validate(self) -> Score:
        """See EpochRunner."""
        return evaluate(self._model, *self._val, batch_size=self._batch_size)

    def learning_rate(self) -> float:
        """See EpochRunner."""
        return float(self._model.optimizer.learning_rate)


def evaluate(model: Any, x: Any, y: Any, batch_size: int) -> Score:
    """Mean cross-entropy and accuracy of a compiled model on scaled images."""
    scores = model.evaluate(x, y, batch_size=batch_size, verbose=0, return_dict=True)
    return Score(scores["loss"], scores["accuracy"])


def _stopper(stop: Stop) -> Any:
    import keras

    class Stopper(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
        """Ends `fit` after the batch in which it was told to."""

        stopped = False

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002  Keras gives them by name
            if stop():
                self.stopped = self.model.stop_training = True

    return Stopper()
