"""Several flags added to a command at once."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def with_flags(command: F, flags: Sequence[Callable[..., Any]]) -> F:
    """The command with these flags, in this order, as if each decorated it in a line of its own."""
    for flag in reversed(flags):
        command = flag(command)
    return command
