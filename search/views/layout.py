"""Text for the available width: tables are transposed or split before a word is cut."""

import re
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from search.console.outside_text import shown

ELSEWHERE = 120  # columns, where output goes into a file or another program
NARROWEST = 40
GAP = "  "
LABEL = re.compile(r" *(?:[\w.-]+ {2,})?")
INDENT = "  "


@dataclass(frozen=True)
class TextTable:
    """A title, the names of columns, and rows of as many cells; `numbers` are the columns that stand to the right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[str] = field(default_factory=frozenset)


def terminal_width() -> int:
    """The columns of the terminal, or what COLUMNS says."""
    return max(NARROWEST, shutil.get_terminal_size((ELSEWHERE, 24)).columns)


def table_text(table: TextTable, width: int | None = None) -> str:
    """The table in at most `width` columns, those of the terminal unless given: with a line per row, or turned round,
    with a line per column, or each row as a paragraph. Only a word that is longer than the line is cut.
    """
    width = terminal_width() if width is None else width
    table = _harmless(table)
    for lines in (grid(table.columns, table.rows, table.numbers), turned(table)):
        if lines and max(map(cell_len, lines)) <= width:
            return "\n".join([table.title, "", *lines]) + "\n"
    return "\n".join([table.title, "", *paragraphs(table, width)]) + "\n"


def _harmless(table: TextTable) -> TextTable:
    """The table with each cell as a terminal may have it, on one line: what is as wide as it looks."""
    title, columns = _on_one_line(table.title), tuple(map(_on_one_line, table.columns))
    rows = tuple(tuple(map(_on_one_line, row)) for row in table.rows)
    return TextTable(title, columns, rows, frozenset(map(_on_one_line, table.numbers)))


def _on_one_line(text: str) -> str:
    return shown(" ".join(re.split("[\t\n]+", text)))


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[str]) -> list[str]:
    """A line per row, below the names of the columns."""
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    right = [name in numbers for name in columns]
    lines = [aligned(cells, widths, right) for cells in (columns, *rows)]
    rule = " " + "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
    return [lines[0], rule, *lines[1:]]


def turned(table: TextTable) -> list[str]:
    """A line per column, the first column's cells above; nothing for a table without rows."""
    if not table.rows:
        return []
    head, *body = zip(table.columns, *table.rows, strict=True)
    return grid([str(cell) for cell in head], body, frozenset())


def aligned(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    """One line: each cell in its width, to the right or to the left."""
    padded = [
        " " * (width - cell_len(cell)) + cell if to_right else cell + " " * (width - cell_len(cell))
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    ]
    return f" {GAP.join(padded)}".rstrip()


def paragraphs(table: TextTable, width: int) -> list[str]:
    """Each row as a paragraph: its first cell, then the others with their columns' names."""
    lines = list[str]()
    for first, *rest in table.rows:
        facts = [f"{name} {cell}" for name, cell in zip(table.columns[1:], rest, strict=True) if cell]
        lines += wrapped(f"{table.columns[0]} {first}", width, INDENT)
        lines += wrapped(", ".join(facts), width, INDENT * 3)
    return lines


def wrapped(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """The text in lines of at most `width` columns, broken between words; further lines are indented by `hanging`."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_on_hyphens=False,
    )


def layer_lines(layers: str, width: int, indent: str) -> list[str]:
    """A row of layers ("conv 32 -> relu -> …"), broken before an arrow where it is too long."""
    lines = [indent]
    for layer in re.split(r" (?=-> )", layers):
        further = f"{lines[-1]} {layer}"
        if lines[-1].strip() and cell_len(further) > width:
            lines.append(f"{indent}{INDENT}{layer}")
        else:
            lines[-1] = further if lines[-1].strip() else f"{indent}{layer}"
    return lines


def fitted(text: str, width: int | None = None) -> str:
    """The text, its lines broken between words where they are longer than the terminal is wide. What follows a label
    ("  images   …") goes on below its own beginning.
    """
    width = terminal_width() if width is None else width
    lines = [line for given in shown(text).split("\n") for line in broken(given, width)]
    return "\n".join(lines)


def broken(line: str, width: int) -> list[str]:
    """One line as several, if it is too long."""
    if cell_len(line) <= width:
        return [line]
    label = LABEL.match(line)
    indent = label[0] if label else ""
    return wrapped(line[len(indent) :], width, indent, " " * len(indent))
