"""Keeping a lease: a thread renews it while the worker waits for its trainer."""

import logging
import threading
import time

from search.host.block_thread import BlockThread
from storage.errors import LeaseLost, StorageError, StorageUnreachable
from storage.ledger import Ledger
from storage.records import Lease

log = logging.getLogger(__name__)


class LeaseKeeper(BlockThread):
    """Renews a lease when a third of its duration has passed without a report, until the `with` block ends, or the
    lease is lost.

    It doesn't give up while the database is unreachable, as no other worker can claim the slot either. When it is back,
    the next renewal either succeeds or finds that another worker holds the slot.
    """

    def __init__(self, ledger: Ledger, lease: Lease) -> None:
        super().__init__(f"lease-of-slot-{lease.slot}")
        self._ledger = ledger
        self._lease = lease
        self._lost = threading.Event()
        self._renewed_at = time.monotonic()

    def check(self) -> None:
        """Raises LeaseLost when a renewal found that another worker holds the slot."""
        if self._lost.is_set():
            raise LeaseLost(f"slot {self._lease.slot} is held by another worker now")

    def note_report(self) -> None:
        """Notes that a report has renewed the lease: the next renewal has more time."""
        self._renewed_at = time.monotonic()

    def _due_s(self) -> float:
        return max(0.0, self._renewed_at + self._lease.lease_s / 3 - time.monotonic())

    def _run(self) -> None:
        while not self._ended.wait(self._due_s()):
            if self._due_s() > 0:
                continue
            try:
                self._renewed_at = time.monotonic()  # the next one comes in time even if this one fails
                self._ledger.renew(self._lease, self._lease.lease_s)
            except StorageUnreachable as error:
                log.warning("the lease of slot %d isn't renewed yet: %s", self._lease.slot, error)
            except StorageError as error:
                log.debug("the lease of slot %d can't be renewed any more: %s", self._lease.slot, error)
                self._lost.set()
                return
            except Exception:
                self._lost.set()  # a lease that isn't renewed is as good as lost; the traceback goes to the log
                raise
