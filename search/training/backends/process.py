"""This process, set up for Keras: backend, threads, memory, determinism, precision; and the name of the device."""

import os
import platform

from search.host.keras_import import no_collections, only_keras, use_our_conventions
from search.training.backends.protocol import Backend
from spaces.precision import Precision

TENSORFLOW = "tensorflow"
BACKEND = "KERAS_BACKEND"


def configure(threads: int | None) -> None:
    """Imports Keras and prepares this process for training; to be called before Keras is imported and once only.

    `threads` is the number that one operation may use, None for all cores. On processors operations are made
    deterministic, so that equal jobs give equal bits. Graphics memory is taken as it is needed, so that several
    trainers can share one device.
    """
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    import_keras()
    backend = compiling_backend()
    if backend is not None:
        backend.configure(threads)


def import_keras() -> None:
    """Imports Keras and its backend, and nothing more: no thread is started and no device looked for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault(BACKEND, TENSORFLOW)
    with only_keras(), no_collections():
        import keras
    use_our_conventions(keras.config)


def compiling_backend() -> Backend | None:
    """Keras' backend as one that compiles whole epochs, None if it is one that can't: its epochs are Keras' `fit`."""
    match backend_package():
        case "tensorflow":
            from search.training.backends.tensorflow import TensorFlow

            return TensorFlow()
        case "jax":
            from search.training.backends.jax import Jax

            return Jax()
        case _:
            return None


def backend_package() -> str:
    """The name of the package that does the computing, for a record of its version."""
    import keras

    return str(keras.config.backend())


def set_precision(precision: Precision) -> None:
    """Makes models that are built from now on compute in that precision; their variables stay float32.

    It holds in this thread, until Keras' session is cleared.
    """
    import keras

    keras.config.set_dtype_policy(precision)


def device_name() -> str:
    """The device that models are trained on, such as "CPU x86_64" or "NVIDIA H100 80GB HBM3"."""
    backend = compiling_backend()
    accelerator = _accelerator_of_keras() if backend is None else backend.accelerator()
    return f"CPU {platform.machine()}" if accelerator is None else accelerator


def _accelerator_of_keras() -> str | None:
    import keras

    devices = keras.distribution.list_devices()
    return str(devices[0]) if devices and not devices[0].startswith("cpu") else None
