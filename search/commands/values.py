"""Values that no flag may have, wherever they come from."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import click

from search.console.outside_text import is_text
from storage.masking import hide_password

MOST = 1e15  # seconds, megabytes, images: larger values are mistakes, and too large for clocks and databases
LONGEST_NAME = 255  # bytes
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
