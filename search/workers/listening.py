"""Waking workers that wait for work as soon as there is some, where the database tells of it."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from search.host.block_thread import BlockThread
from storage.news import can_tell, listen

SPREAD_S = 0.25  # so that the processes of a cluster don't all ask in the same moment


Listening = Callable[[Callable[[], None]], AbstractContextManager[object]]  # given what wakes the workers


def listening_at(url: str, concerns: Callable[[str], bool]) -> Listening:
    """What listens for work in a database; nothing where the database can't tell."""
    return partial(WorkListener, url, concerns) if can_tell(url) else not_listening


def not_listening(_wake: Callable[[], None]) -> AbstractContextManager[object]:
    """Hears of no work."""
    return nullcontext()


class WorkListener(BlockThread):
    """Calls `wake` when the database says that a study may have work, until the `with` block ends. `concerns` says of a
    study, by its stamp, whether these workers could do it.
    """

    def __init__(self, url: str, concerns: Callable[[str], bool], wake: Callable[[], None]) -> None:
        super().__init__("listener")
        self._url = url
        self._concerns = concerns
        self._wake = wake
        self._source = random.Random()  # noqa: S311 - it spreads questions, and keeps no secret

    def _run(self) -> None:
        listen(self._url, self._ended, self._heard)

    def _heard(self, stamp: str | None) -> None:
        if stamp is None or self._concerns(stamp):
            self._ended.wait(self._source.uniform(0, SPREAD_S))
            self._wake()
