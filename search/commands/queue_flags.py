"""The flags of a study's place in the queue, the same for all commands that set it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from search.commands.added_flags import with_flags
from search.commands.numbers import WholeNumber

F = TypeVar("F", bound=Callable[..., Any])

ANY_NUMBER = 0
PLACE = ("priority", "max_workers", "owner")


def place_flags(command: F) -> F:
    """Adds the flags to a command."""
    flags = [
        click.option(
            "--priority",
            type=WholeNumber(-1_000_000, 1_000_000),
            help="Workers that serve all studies go to those of a higher priority first.  [default: 0]",
        ),
        click.option(
            "--max-workers",
            type=WholeNumber(0, 100_000),
            help="Most workers of the study at once, on all hosts; 0 for any number.  [default: 0]",
        ),
        click.option("--owner", help="Whose study it is: a name or an address.  [default: none is stored]"),
    ]
    return with_flags(command, flags)


def given_place(flags: Mapping[str, Any]) -> dict[str, Any]:
    """What the flags say of a study's place, by the names of `storage.queue.QueuePlace`."""
    given = {name: flags[name] for name in PLACE if flags[name] is not None}
    return {name: None if (name, value) == ("max_workers", ANY_NUMBER) else value for name, value in given.items()}
