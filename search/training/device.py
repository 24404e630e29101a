"""The machine under Keras: threads, memory, determinism, name. The only module that knows TensorFlow."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

THREADS = "SEARCH_THREADS"
TENSORFLOW = "tensorflow"

StepProgram = Callable[[NDArray[np.int64], int, int], None]


def configure(threads: int | None) -> None:
    """Prepares this process for training; to be called before Keras is imported and once only.

    `threads` is the number that one operation may use, None for all cores. On processors operations are made
    deterministic, so that equal jobs give equal bits. Graphics memory is taken as it is needed, so that several
    trainers can share one device.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    if os.environ.get("KERAS_BACKEND", TENSORFLOW) == TENSORFLOW:
        _configure_tensorflow(threads)


def threads_wanted() -> int | None:
    """What the environment variable SEARCH_THREADS asks for; None if it isn't set.

    Raises:
        ValueError: it isn't a number of 1 or more.
    """
    text = os.environ.get(THREADS)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{THREADS} is a number of threads, 1 or more, not {text!r}")
    return int(text)


def device_name() -> str:
    """The device that models are trained on, such as "CPU x86_64" or "NVIDIA H100 80GB HBM3"."""
    import keras

    if keras.config.backend() == TENSORFLOW:
        import tensorflow as tf

        for device in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(device)
            return str(details.get("device_name", device.name))
    else:
        devices = keras.distribution.list_devices()
        if devices and not devices[0].startswith("cpu"):
            return str(devices[0])
    return f"CPU {platform.machine()}"


def backend_package() -> str:
    """The name of the package that does the computing, for a record of its version."""
    import keras

    return str(keras.config.backend())


def _configure_tensorflow(threads: int | None) -> None:
    import tensorflow as tf

    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    devices = tf.config.list_physical_devices("GPU")
    for device in devices:
        tf.config.experimental.set_memory_growth(device, True)
    if not devices:
        tf.config.experimental.enable_op_determinism()
        # It sums gradients in an order that depends on the program around them: compiled epochs and fit would differ.
        tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})


def compiles_epochs() -> bool:
    """Whether `step_program` works here: it needs TensorFlow as Keras' backend."""
    import keras

    return bool(keras.config.backend() == TENSORFLOW)


@dataclass(frozen=True, eq=False)
class DeviceImages:
    """Images and labels as tensors on the device, and what the pixels are to be divided by."""

    images: Any
    labels: Any
    pixel_max: Any

    @classmethod
    def of(cls, images: NDArray[Any], labels: NDArray[Any], pixel_max: float) -> Self:
        """Copies the arrays to the device."""
        import tensorflow as tf

        return cls(tf.constant(images), tf.constant(labels), tf.constant(pixel_max, tf.float32))


def step_program(step: Callable[[tuple[Any, Any]], Any], data: DeviceImages, batch_size: int) -> StepProgram:
    """One compiled function that does steps `first` to `last` - 1 of an epoch over the images in a given order.

    `step` is a Keras model's `train_step` or `test_step`, so that losses, gradients, moving averages and metrics are
    exactly those of `fit` and `evaluate`. The last batch of an epoch may be a partial one.
    """
    import tensorflow as tf

    def steps(order: Any, first: Any, last: Any) -> None:
        def batch(number: Any) -> tuple[Any]:
            chosen = order[number * batch_size : (number + 1) * batch_size]
            images = tf.cast(tf.gather(data.images, chosen), tf.float32) / data.pixel_max
            step((images, tf.gather(data.labels, chosen)))
            return (number + 1,)

        tf.while_loop(lambda number: number < last, batch, (first,), parallel_iterations=1)

    program = tf.function(steps, autograph=False)
    return lambda order, first, last: program(tf.constant(order), tf.constant(first), tf.constant(last))
