"""Importing Keras without what it would import beside, for nothing that is used here."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

# Keras looks for them to take their tables and to offer wrappers for them: a quarter of the time of its import.
NOT_NEEDED = ("pandas", "sklearn")


@contextmanager
def only_keras() -> Iterator[None]:
    """Keras that is imported within finds those packages missing; afterwards they can be imported as ever."""
    modules = cast("dict[str, object]", sys.modules)
    hidden = [package for package in NOT_NEEDED if package not in modules]
    modules.update(dict.fromkeys(hidden))  # Python's own way of saying that there is no such module
    try:
        yield
    finally:
        for package in hidden:
            del modules[package]


@contextmanager
def no_collections() -> Iterator[None]:
    """Nothing is looked for within that could be forgotten: imports make objects that stay, and looking through them
    again and again takes a fifth of their time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def use_our_conventions(config: Any) -> None:
    """Sets what ~/.keras/keras.json may have changed: a study means the same on every machine. `config` is Keras'."""
    config.set_image_data_format("channels_last")
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
