"""Which columns of a table hold numbers, and stand to the right."""

import re
from collections.abc import Sequence

NUMBER = r"[-+<]?\d[\d.,]*(?:e[-+]?\d+)?(?: ?%)?\*?"  # with the star of a baseline
NUMERIC = re.compile(rf"|-|{NUMBER}|{NUMBER} to {NUMBER}|\[{NUMBER}, {NUMBER}\]")


def numeric_columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[bool, ...]:
    """Of each column whether all its cells are numbers, or intervals of numbers."""
    filled = [[row[place] for row in rows if row[place]] for place in range(len(columns))]
    return tuple(bool(cells) and all(NUMERIC.fullmatch(cell) for cell in cells) for cells in filled)
