"""A study's results for views that are refreshed again and again: each is read once."""

from storage.records import FinishedSlot
from storage.view import LedgerView

# A result is stored up to a minute after the time that it has; a transaction takes no longer.
OVERLAP_S = 120.0


class ResultLog:
    """The results of a study, in the order in which the trials finished. Done slots never change, except that they are
    confirmed.
    """

    def __init__(self, ledger: LedgerView) -> None:
        self._ledger = ledger
        self._known: dict[int, FinishedSlot] = {}

    def read(self, finished: int) -> list[FinishedSlot]:
        """All results, given that the study has this many. Those of the last two minutes are read again, as they may
        have come in any order, and all of them if some are missing.

        Raises:
            StorageUnreachable: the database doesn't answer.
        """
        newest = max((done.finished_at for done in self._known.values()), default=None)
        if newest is not None:
            self._add(self._ledger.outcomes(since=newest - OVERLAP_S))
        if len(self._known) < finished or newest is None:
            self._known = {}
            self._add(self._ledger.outcomes())
        return sorted(self._known.values(), key=lambda done: (done.finished_at, done.slot))

    def _add(self, results: list[FinishedSlot]) -> None:
        self._known |= {done.slot: done for done in results}
