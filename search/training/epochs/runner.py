"""Which way the epochs of a model go."""

import logging
from collections.abc import Sequence
from typing import Any

from search.training.backends.protocol import Backend
from search.training.data.split import Split
from search.training.epochs.compiled_runner import CompiledRunner
from search.training.epochs.epochs import EpochRunner
from search.training.epochs.keras_runner import KerasRunner

LARGEST_ON_DEVICE = 4 * 2**30  # bytes; larger data goes batch by batch through Keras

log = logging.getLogger(__name__)


def make_runner(
    model: Any, data: Split, batch_size: int, backend: Backend | None, class_weights: Sequence[float] | None = None
) -> EpochRunner:
    """The fastest runner that takes this model and this data on this backend; None: one that compiles no epochs.
    `class_weights` say how much a training image of each class counts.
    """
    reason = _why_not_compiled(model, data)
    if backend is None:
        reason = "compiled epochs need TensorFlow or JAX as Keras' backend"
    elif reason is None:
        return CompiledRunner(model, data, batch_size, backend, class_weights)
    log.info("the epochs go through model.fit: %s", reason)
    return KerasRunner(model, data, batch_size, class_weights=class_weights)


def _why_not_compiled(model: Any, data: Split) -> str | None:
    size = data.x.nbytes
    if size > LARGEST_ON_DEVICE:
        return f"the images take {size} bytes, more than the {LARGEST_ON_DEVICE} that are held on a device"
    if model.run_eagerly:
        return "the model asks to run eagerly"
    return None
