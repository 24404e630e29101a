"""A small store of what was made and will probably be asked for again."""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """Keeps the `limit` values that were used last; what's made beyond that pushes out the one unused for longest.

    Where `size` tells how much a value takes, those that are kept take no more than `budget` together, apart from the
    one in use.
    """

    def __init__(self, limit: int, budget: float = math.inf, size: Callable[[Value], float] = lambda _: 0.0) -> None:
        self._limit, self._budget, self._size = limit, budget, size
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of the key, made now if it isn't there."""
        if key not in self._values:
            while len(self._values) >= self._limit:
                self._values.popitem(last=False)
            self._values[key] = make()
        self._values.move_to_end(key)
        while len(self._values) > 1 and sum(map(self._size, self._values.values())) > self._budget:
            self._values.popitem(last=False)
        return self._values[key]
