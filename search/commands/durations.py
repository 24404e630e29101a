"""Flags that take times: a number of seconds, or 90s, 30m, 2h, 1h30m, 2d."""

import re
from typing import Any

import click

from search.commands.numbers import Number, bounds

SECONDS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
NUMBER = r"\d+(?:\.\d+)?|\.\d+"
PARTS = re.compile("".join(rf"(?:(?P<{unit}>{NUMBER})\s*{unit})?\s*" for unit in SECONDS), re.IGNORECASE)


class Duration(Number):
    """A time in seconds within bounds; typed as a number of them, or in days, hours, minutes and seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The seconds; see click.ParamType.convert."""
        try:
            return super().convert(in_seconds(value), param, ctx)
        except click.BadParameter:
            self.fail(
                f"{str(value)!r} isn't a number {bounds(self)}, in seconds, or a time such as 90s, 30m, 2h or 1h30m.",
                param,
                ctx,
            )


def in_units(seconds: float) -> str:
    """The text of a time, in the largest unit of which it is a whole number: 10m."""
    unit = next(unit for unit, length in SECONDS.items() if seconds % length == 0 or unit == "s")
    return f"{seconds / SECONDS[unit]:g}{unit}"


def in_seconds(value: Any) -> Any:
    """The seconds of a text such as 1h30m; anything else as it is."""
    found = PARTS.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not any(found.groupdict().values()):
        return value
    return sum(float(number) * SECONDS[unit] for unit, number in found.groupdict().items() if number)
