"""The formats of numbers in all output."""

from typing import Any


def number(value: Any) -> str:
    """A parameter's value, floats to three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def score(value: float) -> str:
    """A score, to four digits after the point."""
    return f"{value:.4f}"


def plural(count: int, noun: str) -> str:
    """A number and its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
