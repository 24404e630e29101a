"""Flags that take numbers, whose errors say which numbers are valid."""

import math
from typing import Any

import click


class WholeNumber(click.IntRange):
    """A whole number within bounds."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; see click.ParamType.convert."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{str(value)!r} isn't a whole number {bounds(self)}.", param, ctx)


class Number(click.FloatRange):
    """A number within bounds, NaN never is."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; see click.ParamType.convert."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{str(value)!r} isn't a number {bounds(self)}.", param, ctx)


class AnyNumber(click.ParamType[float]):
    """Any finite number."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; see click.ParamType.convert."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{str(value)!r} isn't a number.", param, ctx)
        return number


class WholeNumbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers within bounds, one or several different ones, separated by commas: 32,64,128."""

    name = "number,number,…"

    def __init__(self, lowest: int, highest: int) -> None:
        self._each = WholeNumber(lowest, highest)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers, the smallest first; see click.ParamType.convert."""
        if isinstance(value, tuple):  # click converts what is converted already, such as a default
            return value
        numbers = tuple(self._each.convert(part.strip(), param, ctx) for part in str(value).split(","))
        if len(set(numbers)) < len(numbers):
            self.fail(f"{value!r} has a number twice.", param, ctx)
        return tuple(sorted(numbers))


def bounds(valid: click.IntRange | click.FloatRange) -> str:
    """The bounds in words: from 1 to 256; of at least 2; above 0; above 0 and below 1."""
    low = "" if valid.min is None else f"{'above' if valid.min_open else 'from'} {valid.min:,}"
    high = "" if valid.max is None else f"{'below' if valid.max_open else 'to'} {valid.max:,}"
    if low and high:
        return f"{low}{' and' if valid.min_open else ''} {'up ' if valid.min_open and not valid.max_open else ''}{high}"
    if high:
        return high if valid.max_open else f"of at most {valid.max:,}"
    return low if valid.min_open else f"of at least {valid.min:,}"
