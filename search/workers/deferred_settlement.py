"""The deferred settlement of a finished slot."""

import logging
from collections.abc import Callable
from typing import Self

from storage.errors import StorageUnreachable

log = logging.getLogger(__name__)


class DeferredSettlement:
    """The remaining steps for the slot that a worker finished last. As the ledger has its outcome, they can
    wait until the trainer is busy with the next slot. They are done at the end of the `with` block at the
    latest.
    """

    def __init__(self) -> None:
        self._left: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.do()
        except StorageUnreachable as error:
            log.warning("the last trial is left for others to end: %s", error)

    def leave(self, action: Callable[[], None]) -> None:
        """Defers an action, and does an earlier deferred one.

        Raises:
            StorageUnreachable: as `do` does.
        """
        before, self._left = self._left, action
        if before is not None:
            before()

    def do(self) -> None:
        """Does the deferred action, if there is one.

        Raises:
            StorageUnreachable: the database was unreachable for too long; any worker can do the rest.
        """
        action, self._left = self._left, None
        if action is not None:
            action()
