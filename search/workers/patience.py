"""How long a worker repeats what it does with its study's database, when that doesn't answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from search.host.shutdown import Shutdown
from storage.retry import retry_while_unreachable

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """Repeats idempotent actions for up to `outage_s` seconds, unless the worker is told to leave."""

    outage_s: float
    shutdown: Shutdown

    def reach(self, action: Callable[[], T]) -> T:
        """What the action returns.

        Raises:
            StorageUnreachable: the database was unreachable for too long.
        """
        return retry_while_unreachable(action, self.outage_s, give_up=lambda: self.shutdown.requested)
