"""Sentences and tables for notebooks, everything in them escaped."""

from collections.abc import Iterable
from html import escape

from search.console.outside_text import shown
from search.views.layout import TextTable
from search.views.numeric_columns import numeric_columns


def html_page(sentences: Iterable[str], tables: Iterable[TextTable]) -> str:
    """Paragraphs, then tables with their titles."""
    said = [f"<p>{text(sentence)}</p>" for sentence in sentences]
    return "\n".join([*said, *map(html_table, tables)])


def html_table(table: TextTable) -> str:
    """One table, its numbers to the right."""
    right = numeric_columns(table.columns, table.rows)
    body = "\n".join(row("td", cells, right) for cells in table.rows)
    head = row("th", table.columns, right)
    return f"<table>\n<caption>{text(table.title)}</caption>\n<thead>{head}</thead>\n<tbody>{body}</tbody>\n</table>"


def row(tag: str, cells: Iterable[str], right: Iterable[bool]) -> str:
    """One row of cells."""
    sides = ("right" if one else "left" for one in right)
    parts = (f'<{tag} style="text-align: {side}">{text(cell)}</{tag}>' for cell, side in zip(cells, sides, strict=True))
    return f"<tr>{''.join(parts)}</tr>"


def text(words: str) -> str:
    """Text from outside."""
    return escape(shown(" ".join(words.split())))
