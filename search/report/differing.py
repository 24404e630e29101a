"""In what the arms of a comparison differ: the settings that aren't the same in all of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from search.views.layout import TextTable
from search.views.number import number
from storage.comparison import Comparison

ABSENT = "-"
LONGEST = 60


def differing_table(comparison: Comparison) -> TextTable | None:
    """A row a setting, a column an arm; None where nothing differs."""
    settings = [dict(flattened(arm.configuration)) for arm in comparison.arms]
    names = dict.fromkeys(name for one in settings for name in one)
    rows = tuple(
        (name, *(shortened(one.get(name, ABSENT)) for one in settings))
        for name in names
        if len({one.get(name, ABSENT) for one in settings}) > 1
    )
    return TextTable("What differs between the arms", ("setting", *comparison.arm_names), rows) if rows else None


def flattened(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each setting of a configuration with its path in it: ("batch_norm.position", "before_activation")."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from flattened(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple) and value:
        for place, inner in enumerate(value, start=1):
            yield from flattened(inner, f"{path} {place}")
    else:
        yield path, "none" if value is None else number(value)


def shortened(text: str) -> str:
    """A text that fits into a cell."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
