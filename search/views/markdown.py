"""Markdown: text in it as it is, tables, lists."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from search.views.layout import TextTable

# An underscore within a word, as in names, isn't emphasis.
SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~!$&]|(?<!\w)_|_(?!\w))")
BEGINS_LIST = re.compile(r"^(\d*)([-+.)])(?=\s|$)")


def escaped(text: Any) -> str:
    """Text that Markdown shows as it is: names and reasons come from outside."""
    return BEGINS_LIST.sub(r"\1\\\2", SPECIAL.sub(r"\\\1", " ".join(str(text).split())))


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts; one whose columns have no names has rows of names and values."""
    lines = [_row(map(escaped, columns)), _row("---" for _ in columns), *(_row(map(escaped, row)) for row in rows)]
    return "\n".join(lines)


def titled_table(table: TextTable) -> str:
    """A table with its title before it."""
    return f"{escaped(table.title)}:\n\n{markdown_table(table.columns, table.rows)}"


def bullets(lines: Iterable[str]) -> str:
    """A list of texts."""
    return "\n".join(f"- {escaped(line)}" for line in lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
