"""Values that no flag may have, wherever they come from."""

import math
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import click

from search.console.outside_text import is_text
from storage.masking import hide_password

MOST = 1e15  # seconds, megabytes, images: larger values are mistakes, and too large for clocks and databases
LONGEST_NAME = 255  # bytes
TAKEN_BACK = frozenset({"owner"})  # the flags that take back what is stored if they are empty
LONGEST_TEXT = 4000  # characters; what a system takes for a path


def require_usable(context: click.Context) -> None:
    """Raises click.BadParameter if a parameter is NaN, infinite or huge, or text that isn't UTF-8."""
    for parameter in context.command.params:
        given = context.params.get(parameter.name or "")
        for value in given if isinstance(given, list | tuple) else (given,):
            problem = _problem(value)
            if problem is not None:
                raise click.BadParameter(problem, ctx=context, param=parameter)


def require_no_nul(arguments: Sequence[str]) -> None:
    """Raises click.UsageError if there is a NUL in them, with which looking for a file would fail."""
    for argument in arguments:
        if "\0" in argument:
            raise click.UsageError(f"{_safe(argument)!a} has a NUL character in it.")


def may_be_empty(parameter: click.Parameter) -> bool:
    """Whether empty text says something: it is the default, or takes back what was stored."""
    return parameter.default == "" or parameter.name in TAKEN_BACK


def require_no_empty(arguments: Sequence[str], parameters: Sequence[click.Parameter]) -> None:
    """Raises click.UsageError if a value is empty, which a shell makes of a variable that isn't set: a command would
    take the default instead, another study or another folder.
    """
    free = {flag for parameter in parameters if may_be_empty(parameter) for flag in parameter.opts}
    for before, argument in pairwise(("", *arguments)):
        flag, equals, value = argument.partition("=") if argument.startswith("--") else (before, "=", argument)
        if equals and not value.strip() and flag not in free:
            what = f"{_safe(flag)} has an empty value" if flag.startswith("-") else "an argument is empty"
            raise click.UsageError(f"{what}: give one, or leave it out. (Is a variable of your shell unset?)")


def _problem(value: object) -> str | None:
    match value:
        case float() if not math.isfinite(value):
            return f"{value} isn't a finite number: give one, or leave the flag out."
        case int() | float() if abs(value) > MOST:
            return f"{value:.3g} is too large: {MOST:.0e} is the most."
        case str() | Path() if not is_text(str(value)):
            return f"{_safe(str(value))!a} isn't UTF-8 text: databases and files of text can't hold it."
        case str() | Path() if len(str(value)) > LONGEST_TEXT:
            return f"{_safe(str(value))[:40]}... is too long: {LONGEST_TEXT} characters are the most."
        case Path() if any(len(os.fsencode(part)) > LONGEST_NAME for part in value.parts):
            return f"{str(value)[:40]}... is too long for the name of a file or folder."
        case _:
            return None


def _safe(value: str) -> str:
    """The part of it that a message may quote, as the flag may take URLs with passwords."""
    return hide_password(value)[:LONGEST_NAME]
