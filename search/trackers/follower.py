"""Follows the ledger of a study and hands what is new to trackers, from a thread of its own."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from search.trackers.tracker import EndedTrial, Tracker
from storage import SharedStudy
from storage.errors import StorageUnreachable
from storage.records import SlotRow

log = logging.getLogger(__name__)

POLL_S = 2.0
LAST_LOOK_S = 60.0


class Follower:
    """Keeps trackers up to date until the `with` block ends, and then until they have all there is.

    `makers` makes them, each by its name, in the thread: a tracker whose server is slow holds up nobody.
    """

    def __init__(self, shared: SharedStudy, makers: Mapping[str, Callable[[], Tracker]]) -> None:
        self._parts = [Part(shared, name, make) for name, make in makers.items()]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._follow, args=(part,), daemon=True) for part in self._parts]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for part, thread in zip(self._parts, self._threads, strict=True):
            thread.join(LAST_LOOK_S)
            if thread.is_alive():
                log.warning("%s is left behind: it hasn't taken all epochs within %.0f s", part.name, LAST_LOOK_S)

    def _follow(self, part: "Part") -> None:
        while not self._ended.wait(POLL_S) and part.alive:
            part.catch_up()
        part.catch_up()
        part.close()


@dataclass
class Part:
    """One tracker and what it has seen. The first thing that goes wrong with it is logged, and ends it."""

    shared: SharedStudy
    name: str
    make: Callable[[], Tracker]
    alive: bool = True
    _tracker: Tracker | None = None
    _seen: dict[int, int] = field(default_factory=dict)
    _done: set[int] = field(default_factory=set)

    def catch_up(self) -> None:
        """Hands over what is new."""
        self._softly(self._catch_up)

    def close(self) -> None:
        """Has the tracker write out what is left."""
        if self._tracker is not None:
            self._softly(self._tracker.close)

    def _softly(self, action: Callable[[], None]) -> None:
        if not self.alive:
            return
        try:
            action()
        except StorageUnreachable as error:
            log.debug("%s waits for the database: %s", self.name, error)
        except Exception as error:  # noqa: BLE001 - whatever another program's library raises, the search goes on
            self.alive = False
            log.warning("%s is given up, the search goes on without it: %s: %s", self.name, type(error).__name__, error)

    def _catch_up(self) -> None:
        if self._tracker is None:
            self._tracker = self.make()
        for slot in self.shared.ledger.slots():
            if slot.trial_number is not None and slot.trial_number not in self._done:
                self._take(self._tracker, slot, slot.trial_number)

    def _take(self, tracker: Tracker, slot: SlotRow, number: int) -> None:
        if number not in self._seen:
            begun = tracker.begin(number)
            if begun is None:
                self._done.add(number)
                return
            self._seen[number] = begun
        epochs = self.shared.ledger.epochs(number)[self._seen[number] :]
        if epochs:
            tracker.record(number, epochs)
            self._seen[number] += len(epochs)
        if slot.outcome is not None and slot.confirmed:
            trial = self.shared.storage.get_trial(self.shared.trial_ids[number])
            tracker.end(number, EndedTrial(slot.outcome, trial.params, trial.user_attrs))
            self._done.add(number)
