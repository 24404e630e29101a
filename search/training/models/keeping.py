"""A check, before training, that a model can be written to a file and opened again."""

import contextlib
import json
import random
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from search.training.lru_cache import LruCache
from spaces.blame import condensed

REMEMBERED = 64
ADVICE = (
    "Build it from Keras' own layers, or give each class of your own a get_config() with the arguments of its __init__ "
    "and the decorator @keras.saving.register_keras_serializable(); a Lambda becomes such a class"
)

Classes = frozenset[tuple[str, str]]


class Keepable:
    """Judges models. Of those of the same classes, one is opened again, which takes as long as building it."""

    def __init__(self) -> None:
        self._opened = LruCache[Classes, str | None](REMEMBERED)

    def why_not(self, model: Any) -> str | None:
        """Why the model can't be kept, and what to do about it; None if it can. Neither the model nor the random
        numbers of what comes are changed.
        """
        with _as_before():
            try:
                text = _written(model)
            except Exception as error:  # noqa: BLE001 - the user's get_config may raise anything, and only that is wrong
                return problem(error)
            return self._opened.get(frozenset(_classes(json.loads(text))), lambda: _why_not_opened(text))


def problem(error: Exception) -> str:
    """The message about a model that can't be kept."""
    return f"its model can't be kept: {type(error).__name__}: {condensed(str(error)).rstrip('.')}. {ADVICE}"


def _written(model: Any) -> str:
    """The content of the model's file, without its weights."""
    import keras

    return json.dumps(keras.saving.serialize_keras_object(model))


def _why_not_opened(text: str) -> str | None:
    import keras

    try:
        keras.saving.deserialize_keras_object(json.loads(text))
    except Exception as error:  # noqa: BLE001 - as above, of from_config
        return problem(error)
    return None


def _classes(document: Any) -> Iterator[tuple[str, str]]:
    """Module and name of every class that a serialized model names."""
    if isinstance(document, dict):
        if "class_name" in document:
            yield str(document.get("module")), str(document["class_name"])
        for value in document.values():
            yield from _classes(value)
    elif isinstance(document, list):
        for value in document:
            yield from _classes(value)


@contextlib.contextmanager
def _as_before() -> Iterator[None]:
    """Layers that are made draw their seeds: that isn't to be seen. What Keras warns of is said by us."""
    state, state_of_numpy = random.getstate(), np.random.get_state()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(state)
        np.random.set_state(state_of_numpy)
