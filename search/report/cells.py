"""Tables of the page: cells of text, some with their interval as a bar, and columns of numbers to the right."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.views.layout import TextTable
from search.views.numeric_columns import numeric_columns


@dataclass(frozen=True)
class Bar:
    """An interval on the scale of all bars of a table, in percent of its length; `mark` is the estimate itself."""

    left: float
    width: float
    mark: float


@dataclass(frozen=True)
class Scale:
    """The ends of that scale."""

    low: float
    high: float

    def bar(self, low: float, mark: float, high: float) -> Bar:
        """An interval on it."""
        left, right = self.place(low), self.place(high)
        return Bar(left, round(right - left, 2), self.place(mark))

    def place(self, value: float) -> float:
        """Where a value lies."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)


@dataclass(frozen=True)
class Cell:
    """A text, its interval, and what it is sorted by, if not by its text."""

    text: str
    bar: Bar | None = None
    key: str | None = None


@dataclass(frozen=True)
class PageTable:
    """A table with its caption; `right` says of each column whether it holds numbers, which stand to the right."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: tuple[bool, ...]


def scale_over(intervals: Sequence[tuple[float, float]]) -> Scale:
    """A scale over all of these, a little wider, so that no bar ends at an edge."""
    low, high = min(low for low, _ in intervals), max(high for _, high in intervals)
    room = 0.04 * (high - low) or 1.0
    return Scale(low - room, high + room)


def page_table(table: TextTable, bars: Sequence[Bar | None] = (), column: str = "") -> PageTable:
    """A table of the terminal on the page, with a bar for each row in the column of that name."""
    at = table.columns.index(column) if bars else -1
    rows = tuple(
        tuple(Cell(text, bars[number] if place == at else None) for place, text in enumerate(row))
        for number, row in enumerate(table.rows)
    )
    return PageTable(table.title, table.columns, rows, numeric_columns(table.columns, table.rows))
