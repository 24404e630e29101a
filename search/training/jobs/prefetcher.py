"""Training goes on while its results are dealt with."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
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
    """Runs an iterator in another thread, up to two items ahead of what iterates over this.

    `make` gets a function that tells when to stop: when `stop` does, or when the items are no longer wanted, which
    leaving the `with` block means. The iterator has ended then. What it raises is raised here. `thread` runs it.
    """

    def __init__(self, make: Callable[[Stop], Iterator[T]], stop: Stop, thread: Executor) -> None:
        self._left = threading.Event()
        self._items = make(lambda: stop() or self._left.is_set())
        self._queue: queue.Queue[T | _End] = queue.Queue(WAITING)
        self._thread, self._ended = thread, False

    def __enter__(self) -> Iterator[T]:
        self._ran: Future[None] = self._thread.submit(self._run)
        return self._arriving()

    def __exit__(self, *_: object) -> None:
        self._left.set()
        while not self._ended:
            self._next()
        self._ran.result()

    def _run(self) -> None:
        try:
            for item in self._items:
                self._queue.put(item)
        except BaseException as error:  # noqa: BLE001  it is raised where the items are wanted
            self._queue.put(_End(error))
        else:
            self._queue.put(_End(None))

    def _arriving(self) -> Iterator[T]:
        while not isinstance(item := self._next(), _End):
            yield item
        if item.error is not None:
            raise item.error

    def _next(self) -> T | _End:
        item = self._queue.get()
        self._ended = isinstance(item, _End)
        return item
