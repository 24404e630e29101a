"""Flags that take amounts of memory, as in 16G."""

import re

import click

UNITS_BYTES = {"M": 2**20, "G": 2**30, "T": 2**40}


def as_bytes(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """The bytes of an amount such as 800M or 16G; a callback of click's."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,6})([MGT])", value)
    if found is None or not int(found[1]):
        message = f"{value!r} isn't an amount of memory such as 800M or 16G."
        raise click.BadParameter(message, context, parameter)
    return int(found[1]) * UNITS_BYTES[found[2]]
