"""Follows the ledger of a study and passes updates to trackers, in its own thread."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from search.trackers.tracker import EndedTrial, Tracker
from storage import SharedStudy
from storage.errors import StorageUnreachable
from storage.records import SlotRow

log = logging.getLogger(__name__)

POLL_S = 2.0
LAST_WAITS_S = (0.0, 2.0, 5.0)  # before each of the last tries
MOST_PROBLEMS = 3  # per round: each may have waited for a server
LAST_LOOK_S = 60.0


class Follower:
    """Keeps trackers up to date until the `with` block ends, and then until they have everything.

    `makers` create them, by name, in the thread: a slow tracker's server holds up nothing else.
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
        while not self._ended.wait(POLL_S):
            part.catch_up()
        for wait_s in LAST_WAITS_S:
            time.sleep(wait_s)
            if part.catch_up():
                break
        part.close()


@dataclass
class Part:
    """One tracker and what it has received. Failures are retried in the next round, as a server may be unreachable for
    a while.

    A trial that the tracker didn't accept completely is begun again, so that the tracker reports which epochs it has.
    Failed trials come last, so that they don't hold up the others.
    """

    shared: SharedStudy
    name: str
    make: Callable[[], Tracker]
    _tracker: Tracker | None = None
    _seen: dict[int, int] = field(default_factory=dict)
    _done: set[int] = field(default_factory=set)
    _failures: Counter[int] = field(default_factory=Counter)
    _troubled: bool = False

    def catch_up(self) -> bool:
        """Passes on updates; returns whether the tracker has everything."""
        try:
            if self._tracker is None:
                self._tracker = self.make()
            problems = self._hand_over(self._tracker)
        except StorageUnreachable as error:
            log.debug("%s waits for the database: %s", self.name, error)
            return False
        except Exception as error:  # noqa: BLE001 - whatever another program's library raises, the search goes on
            problems = [error]
        self._tell(problems)
        return not problems

    def close(self) -> None:
        """Makes the tracker write its buffers, and logs it if something is missing."""
        try:
            if self._tracker is not None:
                self._tracker.close()
        except Exception as error:  # noqa: BLE001 - as above
            self._tell([error])
        if self._troubled:
            log.warning("%s doesn't have all of the study: the next launch hands the rest over", self.name)

    def _hand_over(self, tracker: Tracker) -> list[Exception]:
        """Passes on trials, one after another; returns the errors, and gives up after a few."""
        problems = list[Exception]()
        for slot, number in self._left():
            try:
                self._take(tracker, slot, number)
            except StorageUnreachable:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                problems.append(error)
                self._failures[number] += 1
                self._seen.pop(number, None)
            if len(problems) == MOST_PROBLEMS:
                break
        return problems

    def _left(self) -> list[tuple[SlotRow, int]]:
        slots = ((slot, slot.trial_number) for slot in self.shared.ledger.slots())
        left = [(slot, number) for slot, number in slots if number is not None and number not in self._done]
        return sorted(left, key=lambda item: self._failures[item[1]])

    def _tell(self, problems: Sequence[Exception]) -> None:
        """Logs once that the tracker fails, and once that it works again."""
        for error in problems:
            level = logging.DEBUG if self._troubled else logging.WARNING
            words = "%s didn't take a trial and is asked again later, the search goes on: %s: %s"
            log.log(level, words, self.name, type(error).__name__, error)
            self._troubled = True
        if self._troubled and not problems:
            log.info("%s has taken what it missed", self.name)
            self._troubled = False

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
            trial = self.shared.trials.get(number)
            tracker.end(number, EndedTrial(slot.outcome, trial.params, trial.user_attrs))
            self._done.add(number)
