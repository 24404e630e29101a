"""A check that a space's own model begins afresh, and not with what the model of an earlier trial has learned."""

import weakref
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from spaces.errors import SpaceError

Contents = Mapping[int, int]


class FreshWeights:
    """Remembers the variables that models have trained, for as long as something else does."""

    def __init__(self) -> None:
        self._trained: list[weakref.ref[Any]] = []

    def kept(self) -> Contents:
        """The contents of the trained variables that are still there though their models are gone, by their identity:
        a layer that the space made once, for all of its trials.
        """
        return {id(variable): _content(variable) for variable in self._there()}

    def require(self, model: Any, kept: Contents, space: str) -> None:
        """Raises SpaceError if the model has one of the kept variables as it was left. One that the space has filled
        again, or that no training changes, is as good as a new one.
        """
        known = [variable for variable in model.variables if id(variable) in kept]
        learned = [variable for variable in known if kept[id(variable)] == _content(variable)]
        if learned:
            names = ", ".join(dict.fromkeys(str(variable.path).split("/")[0] for variable in learned))
            raise SpaceError(
                f"build of the space {space!r} returned a model that begins with weights which an earlier trial has "
                f"trained ({names}), so that its score would depend on that trial: make all layers within build, or "
                "load their weights there again"
            )
        self._trained = [*map(weakref.ref, self._there()), *map(weakref.ref, model.trainable_variables)]

    def _there(self) -> Iterable[Any]:
        found = {id(variable): variable for reference in self._trained if (variable := reference()) is not None}
        return found.values()


def _content(variable: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(variable.numpy()).view(np.uint8).data)
