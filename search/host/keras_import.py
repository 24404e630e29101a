"""Importing Keras without optional packages that it would import too and that aren't used here."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

# Keras imports them to accept their tables and to offer wrappers for them: a quarter of its import time.
NOT_NEEDED = ("pandas", "sklearn")


@contextmanager
def only_keras() -> Iterator[None]:
    """Hides those packages from an import of Keras inside the block; afterwards they can be imported as usual."""
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
    """Turns garbage collection off inside the block: imports create objects that stay, and scanning them repeatedly
    takes a fifth of the import time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def use_our_conventions(config: Any) -> None:
    """Resets the settings that ~/.keras/keras.json may have changed, so that a study is the same on every machine.
    `config` is Keras'.
    """
    config.set_image_data_format("channels_last")
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
