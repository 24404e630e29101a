"""Flags that are the same for every command that makes a study, a search or a comparison."""

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from search.commands.numbers import Number, WholeNumber
from spaces.precision import Precision

F = TypeVar("F", bound=Callable[..., Any])


def seed_flag(command: F) -> F:
    """Adds --seed, None if it isn't given."""
    return click.option("--seed", type=WholeNumber(0, 2**31 - 1), help="Random seed of the study.  [default: 0]")(
        command
    )


def precision_flag(command: F) -> F:
    """Adds --precision, None if it isn't given."""
    return click.option(
        "--precision",
        type=click.Choice(get_args(Precision)),
        help="Precision of training; the mixed ones may be faster on GPUs.  [default: float32]",
    )(command)


def validation_share_flag(command: F) -> F:
    """Adds --validation-share, None if it isn't given."""
    return click.option(
        "--validation-share",
        type=Number(0, 1, min_open=True, max_open=True),
        help="Fraction of the training images held out for validation.  [default: 0.2, or as published]",
    )(command)


def dry_run_flag(command: F) -> F:
    """Adds --dry-run."""
    return click.option("--dry-run", is_flag=True, help="Check everything and print the plan, but do nothing.")(command)


def answer_share_flag(command: F) -> F:
    """Adds --answer-share, how long a race of a search's best trials may be."""
    return click.option(
        "--answer-share",
        type=Number(0, 10, min_open=True),
        default=0.3,
        show_default=True,
        help="Most epochs of the answer's race, as a share of those that the search's trials may take.",
    )(command)
