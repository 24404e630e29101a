"""Epochs through Keras' own `fit` and `evaluate`: for every model and every backend."""

from collections.abc import Sequence
from typing import Any

from search.training.data.batch_source import BatchSource, make_batch_source
from search.training.data.order import Order
from search.training.data.split import Split
from search.training.epochs.epochs import Score, Stop, score_of


class KerasRunner:
    """An EpochRunner over `model.fit`, one call per epoch."""

    def __init__(
        self,
        model: Any,
        data: Split,
        batch_size: int,
        batches: BatchSource | None = None,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        self._model = model
        self._class_weights = None if class_weights is None else dict(enumerate(class_weights))
        self._batches = batches or make_batch_source(data, batch_size)

    def steps_per_stop(self, steps: int) -> int:  # noqa: ARG002  of any number
        """See EpochRunner."""
        return 1

    def train(self, order: Order, stop: Stop) -> Score | None:
        """See EpochRunner. It can be stopped after any batch."""
        stopper = _stopper(stop)
        history = self._model.fit(
            **self._batches.training(order),
            shuffle=False,
            verbose=0,
            callbacks=[stopper],
            class_weight=self._class_weights,
        ).history
        return None if stopper.stopped else score_of({name: values[0] for name, values in history.items()})

    def validate(self) -> Score:
        """See EpochRunner."""
        scores = self._model.evaluate(**self._batches.validation(), verbose=0, return_dict=True)
        return score_of(scores)

    def learning_rate(self) -> float:
        """See EpochRunner."""
        return float(self._model.optimizer.learning_rate)


def _stopper(stop: Stop) -> Any:
    import keras

    class Stopper(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
        """Ends `fit` after the batch in which it was told to."""

        stopped = False

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002  Keras gives them by name
            if stop():
                self.stopped = self.model.stop_training = True

    return Stopper()
