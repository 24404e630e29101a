"""The flags that narrow a space."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from search.commands.added_flags import with_flags

F = TypeVar("F", bound=Callable[..., Any])


def narrowing_flags(command: F) -> F:
    """--only, --range and --fix, each of which may be given several times."""
    flags = [
        click.option(
            "--only",
            multiple=True,
            metavar="NAME=A,B,…",
            help="Search only these values of a parameter: --only optimizer=adam,rmsprop. May be given several times.",
        ),
        click.option(
            "--range",
            "ranges",
            multiple=True,
            metavar="NAME=LOW:HIGH",
            help="Search a parameter between these bounds: --range learning_rate=1e-4:1e-2.",
        ),
        click.option(
            "--fix",
            "fixed",
            multiple=True,
            metavar="NAME=VALUE",
            help="Give a parameter one value in all trials: --fix dropout_rate=0.3.",
        ),
    ]
    return with_flags(command, flags)
