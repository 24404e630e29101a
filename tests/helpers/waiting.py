"""Waiting for what another process or thread does."""

import time
from collections.abc import Callable
from typing import Literal, TypeVar

PATIENCE_S = 120.0

Found = TypeVar("Found")


def wait_until(
    condition: Callable[[], Found | Literal[False] | None], what: str, patience_s: float = PATIENCE_S
) -> Found:
    """What the condition gives as soon as it is true; fails with `what` was waited for if it never is."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain for {what}"
        time.sleep(0.02)
    return found
