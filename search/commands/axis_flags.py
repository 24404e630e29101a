"""Flags of a study that become parameters of its space when they are given several values."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from search.commands.numbers import WholeNumbers

F = TypeVar("F", bound=Callable[..., Any])

LARGEST_BATCH = 65_536


def batch_size_flag(default: str = "") -> Callable[[F], F]:
    """Adds --batch-size, none if it isn't given; `default` says what holds then."""
    return click.option(
        "--batch-size",
        type=WholeNumbers(1, LARGEST_BATCH),
        default=(),
        help=f"Images per step; several, as in 32,64,128, are a parameter that is searched or compared.{default}",
    )
