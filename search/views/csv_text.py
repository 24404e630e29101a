"""CSV that other programs read without loss, and spreadsheets without harm."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

# A spreadsheet takes a cell that begins with one of these as a formula.
FORMULA = re.compile(r"^[=+\-@\t\r\n]")
LINE_ENDS = re.compile(r"[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def csv_text(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """The names of the columns and a line for each row."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(map(csv_cell, columns))
    lines.writerows(map(csv_cell, row) for row in rows)
    return text.getvalue()


def csv_cell(value: Any) -> str:
    """A value as a cell: numbers in full, and text on one line that no spreadsheet takes as a formula: one that would
    be gets an apostrophe before it, which spreadsheets don't show. None is an empty cell.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    return LINE_ENDS.sub(" ", f"'{text}" if FORMULA.match(text.lstrip(" ")) else text)
