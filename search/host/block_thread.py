"""A thread that lives as long as a `with` block."""

import threading
from abc import ABC, abstractmethod
from typing import Self


class BlockThread(ABC):
    """Does something in a thread until the `with` block ends, which waits for the thread. Its name begins with that of
    the thread that it belongs to, unless that is the main one.
    """

    def __init__(self, name: str) -> None:
        self._ended = threading.Event()
        owner = threading.current_thread()
        name = name if owner is threading.main_thread() else f"{owner.name}, {name}"
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @abstractmethod
    def _run(self) -> None:
        """What the thread does; it is to return soon after `_ended` is set."""
