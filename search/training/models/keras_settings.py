"""Global settings of Keras, which code in a `build` may change for its own trial alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from search.training.backends.protocol import Backend


@contextmanager
def kept_settings(backend: Backend | None) -> Iterator[None]:
    """Keras' settings are afterwards what they were before the block."""
    from keras import config

    floatx, epsilon, layout, policy = (
        config.floatx(),
        config.epsilon(),
        config.image_data_format(),
        config.dtype_policy(),
    )
    filtering, eagerly = config.is_traceback_filtering_enabled(), backend is not None and backend.runs_eagerly
    try:
        yield
    finally:
        config.set_floatx(floatx)
        config.set_epsilon(epsilon)
        config.set_image_data_format(layout)
        config.set_dtype_policy(policy)
        (config.enable_traceback_filtering if filtering else config.disable_traceback_filtering)()
        if backend is not None:
            backend.run_eagerly(eagerly)
