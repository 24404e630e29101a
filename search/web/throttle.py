"""Throttles logins: an address with several failed logins must wait, longer each time; other addresses needn't.

Behind a proxy all requests come from its address. Browsers that are logged in aren't affected.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

FREE_TRIES = 5
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
MOST_DOUBLINGS = 16  # long after the longest wait is reached
FORGOTTEN_S = 15 * 60.0
MOST_ADDRESSES = 10_000


@dataclass
class Failures:
    """How many logins of an address failed in a row, when the last one did, and until when it has to wait."""

    count: int = 0
    last: float = 0.0
    until: float = 0.0


@dataclass
class Throttle:
    """Counts failed logins by address. Safe to use from several threads."""

    clock: Callable[[], float] = time.monotonic
    _failures: OrderedDict[str, Failures] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, address: str) -> float:
        """How many seconds the address must wait before it may try again; 0 if it needn't."""
        with self._lock:
            found = self._failures.get(address)
            return 0.0 if found is None else max(0.0, found.until - self.clock())

    def failed(self, address: str) -> None:
        """Records a failed login from the address, and logs it."""
        now = self.clock()
        with self._lock:
            found = self._failures.pop(address, Failures())
            if now - found.last > FORGOTTEN_S:
                found = Failures()
            beyond = min(found.count + 1 - FREE_TRIES, MOST_DOUBLINGS)
            wait = min(FIRST_WAIT_S * 2.0**beyond, LONGEST_WAIT_S) if beyond >= 0 else 0.0
            self._failures[address] = Failures(found.count + 1, now, now + wait)
            while len(self._failures) > MOST_ADDRESSES:
                self._failures.popitem(last=False)
        log.warning("a login from %s was wrong, %d in a row now", address, found.count + 1)

    def succeeded(self, address: str) -> None:
        """Forgets the address's failed logins."""
        with self._lock:
            self._failures.pop(address, None)
