"""LaTeX: tables with the rules of booktabs, and text in them as it is."""

import re
from collections.abc import Iterable

from search.views.layout import TextTable
from search.views.numeric_columns import numeric_columns

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
}
TO_ESCAPE = re.compile("[" + re.escape("".join(SPECIAL)) + "]")
UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
NEGATIVE = re.compile(r"(?<![\w.])-(?=\d)")
PACKAGES = "% \\usepackage[T1]{fontenc} and \\usepackage{booktabs}"


def escaped(text: str) -> str:
    """Text that LaTeX shows as it is, on one line; negative numbers get a minus sign."""
    one_line = UNPRINTABLE.sub(" ", text).strip()
    return NEGATIVE.sub("$-$", TO_ESCAPE.sub(lambda match: SPECIAL[match[0]], one_line))


def latex_table(table: TextTable) -> str:
    """A float with the table's title as its caption, columns of numbers to the right."""
    columns = "".join("r" if right else "l" for right in numeric_columns(table.columns, table.rows))
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(table.title)}}}",
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        row(table.columns),
        r"    \midrule",
        *map(row, table.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def row(cells: Iterable[str]) -> str:
    """A row of cells. A first cell that begins with a bracket would be taken as an argument of the row before."""
    return f"    {{}}{' & '.join(map(escaped, cells))} \\\\"
