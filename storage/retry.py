"""Retrying while the database is unreachable."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from storage.errors import StorageUnreachable

log = logging.getLogger(__name__)

T = TypeVar("T")
OUTAGE_S = 600.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0


def retry_while_unreachable(
    action: Callable[[], T], limit_s: float = OUTAGE_S, give_up: Callable[[], bool] = lambda: False
) -> T:
    """The result of the action, which is retried while the database is unreachable, for up to `limit_s` seconds.

    The action must be idempotent: a connection can break after its work was committed. `give_up` is asked between
    attempts whether to stop trying early.

    Raises:
        StorageUnreachable: the database was unreachable for longer, or `give_up` returned true.
    """
    deadline = time.monotonic() + limit_s
    wait = FIRST_WAIT_S
    while True:
        try:
            return action()
        except StorageUnreachable as error:
            if time.monotonic() + wait > deadline or give_up():
                raise
            log.warning("%s; trying again in %.1f s", error, wait)
            time.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)
