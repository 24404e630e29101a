"""Training goes on while its results are dealt with."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from search.training.epochs.epochs import Stop

T = TypeVar("T")
WAITING = 1  # items that may wait to be dealt with: each may hold all weights of a model


@dataclass(frozen=True)
class _End:
    """The last of what comes; `error` is what ended it early."""

    error: BaseException | None


class Prefetcher(Generic[T]):
    """Runs an iterator in a thread of its own, up to two items ahead of what iterates over this.

    `make` gets a function that tells when to stop: when `stop` does, or when the items are no longer wanted, which
    leaving the `with` block means. The thread has ended then. What the iterator raises is raised here.
    """

    def __init__(self, make: Callable[[Stop], Iterator[T]], stop: Stop) -> None:
        self._left = threading.Event()
        self._items = make(lambda: stop() or self._left.is_set())
        self._queue: queue.Queue[T | _End] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="training", daemon=True)

    def __enter__(self) -> Iterator[T]:
        self._thread.start()
        return self._arriving()

    def __exit__(self, *_: object) -> None:
        self._left.set()
        while self._thread.is_alive():
            self._discard_one()
        self._thread.join()

    def _run(self) -> None:
        try:
            for item in self._items:
                self._queue.put(item)
        except BaseException as error:  # noqa: BLE001  it is raised where the items are wanted
            self._queue.put(_End(error))
        else:
            self._queue.put(_End(None))

    def _arriving(self) -> Iterator[T]:
        while not isinstance(item := self._queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    def _discard_one(self) -> None:
        try:
            self._queue.get(timeout=0.05)
        except queue.Empty:
            return
