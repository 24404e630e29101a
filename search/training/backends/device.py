"""The machine under Keras: threads, memory, determinism, name. The only module that knows TensorFlow."""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.host.keras_import import no_collections, only_keras, use_our_conventions
from search.trainers.protocol import Precision
from search.training.data.split import Split

THREADS = "SEARCH_THREADS"
XLA = "SEARCH_XLA"
TENSORFLOW = "tensorflow"
BACKEND = "KERAS_BACKEND"
STEPS_A_CALL = 16  # of a step program: an epoch can be stopped between two calls
ALIGNMENT = 64  # bytes, what TensorFlow wants of memory that it doesn't allocate

Steps = Callable[["DeviceImages", NDArray[np.int64], int, int, NDArray[np.float32]], NDArray[np.float32]]
Batch = Callable[..., tuple[Any, Any]]


def configure(threads: int | None) -> None:
    """Imports Keras and prepares this process for training; to be called before Keras is imported and once only.

    `threads` is the number that one operation may use, None for all cores. On processors operations are made
    deterministic, so that equal jobs give equal bits. Graphics memory is taken as it is needed, so that several
    trainers can share one device.
    """
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    import_keras()
    if _on_tensorflow():
        _configure_tensorflow(threads)


def import_keras() -> None:
    """Imports Keras and its backend, and nothing more: no thread is started and no device looked for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault(BACKEND, TENSORFLOW)
    with only_keras(), no_collections():
        if _on_tensorflow():
            import tensorflow as tf  # noqa: F401
        import keras
    use_our_conventions(keras.config)


def _on_tensorflow() -> bool:
    return os.environ.get(BACKEND, TENSORFLOW) == TENSORFLOW


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


def xla_wanted() -> bool:
    """Whether the environment variable SEARCH_XLA asks for XLA: "1". It makes small models on processors slower."""
    return os.environ.get(XLA) == "1"


def set_precision(precision: Precision) -> None:
    """Makes models that are built from now on compute in that precision; their variables stay float32.

    It holds in this thread, until Keras' session is cleared.
    """
    import keras

    keras.config.set_dtype_policy(precision)


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
        # It reorders sums depending on the program around them, so that compiled epochs and fit would differ, and takes
        # a third of the time that a new program takes, without making its steps any faster.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def runs_functions_eagerly() -> bool:
    """Whether the backend was told to compile no functions, for debugging."""
    if not compiles_epochs():
        return False
    import tensorflow as tf

    return bool(tf.config.functions_run_eagerly())


def run_functions_eagerly(eagerly: bool) -> None:
    """Tells the backend so, or not to."""
    if compiles_epochs():
        import tensorflow as tf

        tf.config.run_functions_eagerly(eagerly)


def compiles_epochs() -> bool:
    """Whether `step_program` and `gradients` work here: they need TensorFlow as Keras' backend."""
    import keras

    return bool(keras.config.backend() == TENSORFLOW)


@dataclass(frozen=True, eq=False)
class DeviceImages:
    """Some of the `images` as tensors on the device: those at `positions`, their labels, and what the pixels are to be
    divided by.
    """

    images: Any
    positions: Any
    labels: Any
    pixel_max: Any

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    @property
    def tensors(self) -> tuple[Any, ...]:
        """What `batch_of` gets of them."""
        return self.images, self.positions, self.labels, self.pixel_max


def batch_of(tensors: Sequence[Any], order: Any, number: Any, size: int) -> tuple[Any, Any]:
    """The scaled images and the labels of the batch of a number and a size, in an order; for use in programs."""
    import tensorflow as tf

    images, positions, labels, pixel_max = tensors
    chosen = order[number * size : (number + 1) * size]
    numbers = chosen if order.shape.rank == 1 else chosen[:, 0]
    batch = tf.cast(tf.gather(images, tf.gather(positions, numbers)), tf.float32) / pixel_max
    return batch if order.shape.rank == 1 else _moved(batch, chosen[:, 1:]), tf.gather(labels, numbers)


def hold(data: Split) -> tuple[DeviceImages, DeviceImages]:
    """The images for training and those for validation, in one tensor on the device."""
    import tensorflow as tf

    images, pixel_max = _tensor(data.x), tf.constant(data.pixel_max, tf.float32)
    train = DeviceImages(images, tf.constant(data.train), tf.constant(data.y_train), pixel_max)
    return train, DeviceImages(images, tf.constant(data.val), tf.constant(data.y_val), pixel_max)


def _tensor(images: NDArray[Any]) -> Any:
    """The images on the device. On a processor a mapped file is taken as it is, so that processes share its memory:
    TensorFlow copies arrays, even those, unless they come by DLPack.
    """
    import tensorflow as tf

    aligned = images.flags.c_contiguous and images.ctypes.data % ALIGNMENT == 0
    if not isinstance(images, np.memmap) or not aligned or tf.config.list_physical_devices("GPU"):
        return tf.constant(images)
    view = images.view(np.ndarray)
    view.flags.writeable = True  # DLPack takes no others; nothing writes to it, and the mapping is private
    return tf.experimental.dlpack.from_dlpack(view.__dlpack__())


def step_program(step: Callable[[Any, Any], Any], batch_size: int, batch: Batch = batch_of) -> Steps:
    """One compiled function that does steps `first` to `last` - 1 of an epoch over some images in a given order.

    `step` gets a batch of scaled images and their labels, and returns what is to be summed, float32 (3,); the function
    adds that of all steps to the sums that it is given. The last batch of an epoch may be a partial one. An order is
    that of `Epochs.order`, with moves or without. Other images of as many pixels are no matter. `batch` is `batch_of`,
    or a subprogram of it.
    """
    import tensorflow as tf

    def steps(tensors: Any, order: Any, first: Any, last: Any, sums: Any) -> Any:
        def one(number: Any, sums: Any) -> tuple[Any, Any]:
            return number + 1, sums + step(*batch(tensors, order, number, batch_size))

        return tf.while_loop(lambda number, _: number < last, one, (first, sums), parallel_iterations=1)[1]

    program = tf.function(steps, autograph=False, jit_compile=xla_wanted())

    def run(
        data: DeviceImages, order: NDArray[np.int64], first: int, last: int, sums: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        given = (tf.constant(value) for value in (order, first, last, sums))
        done: NDArray[np.float32] = program(data.tensors, *given).numpy()
        return done

    return run


def _moved(images: Any, moves: Any) -> Any:
    """What `augmentation.move` does, in a program."""
    import tensorflow as tf

    height, width = images.shape[1:3]
    mirrored, up, left, zero = (column[:, tf.newaxis] for column in tf.unstack(moves, axis=1))
    columns = tf.range(width, dtype=moves.dtype)
    rows = tf.range(height, dtype=moves.dtype) + up
    columns = tf.where(mirrored == 1, columns[::-1], columns) + left
    inside = ((rows >= 0) & (rows < height))[:, :, tf.newaxis] & ((columns >= 0) & (columns < width))[:, tf.newaxis]
    chosen = tf.gather(images, tf.clip_by_value(rows, 0, height - 1), axis=1, batch_dims=1)
    chosen = tf.gather(chosen, tf.clip_by_value(columns, 0, width - 1), axis=2, batch_dims=1)
    kept = inside | (zero == 0)[:, :, tf.newaxis]
    return tf.where(kept[..., tf.newaxis], chosen, tf.zeros((), images.dtype))


def subprogram(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function for use in programs, which is traced once for all of them that give it tensors of the same shapes."""
    import tensorflow as tf

    traced: Callable[..., Any] = tf.function(function, autograph=False)
    return traced


def differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """A subprogram through which gradients are taken, which are those of its operations to the last bit: TensorFlow's
    own gradients of a traced function add up what comes to a tensor in another order than a tape does.
    """
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def taped(*given: Any) -> tuple[Any, Callable[..., Any]]:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(given)
            made = function(*given)

        def slopes(*of: Any) -> Any:
            return tape.gradient(made, given, tf.nest.pack_sequence_as(made, of))

        return made, slopes

    return subprogram(taped)


def gradients(loss: Callable[[], tuple[Any, Any]], at: Sequence[Any]) -> tuple[list[Any], Any]:
    """The gradients at some tensors of the first of the two things that `loss` returns; and the second."""
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(at)
        value, rest = loss()
    return tape.gradient(value, at), rest
