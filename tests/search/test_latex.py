"""Tables in LaTeX: whatever is in a cell, the table stays one."""

import re

from hypothesis import given
from hypothesis import strategies as st

from search.views.latex import SPECIAL, escaped, latex_table
from search.views.layout import TextTable

CELL = re.compile(r"\\[a-z]+\{\}|\\[{}&%$#_]|\$-\$|[^\\{}&%$#_~^<>|\"]")


@given(st.text())
def test_text_is_made_of_letters_and_known_commands_alone(text: str) -> None:
    assert CELL.sub("", escaped(text)) == ""
    assert "\n" not in escaped(text)


def test_every_special_letter_is_shown_as_itself() -> None:
    assert escaped("50 % of a_b & {c}") == r"50 \% of a\_b \& \{c\}"
    assert escaped("[-0.50, +1.20] 1e-05 a-1") == r"[$-$0.50, +1.20] 1e-05 a-1"
    assert all(escaped(letter) == command for letter, command in SPECIAL.items())


def test_numbers_stand_to_the_right_and_no_row_is_an_argument_of_the_one_before() -> None:
    table = TextTable("Pairs", ("arm", "mean", "interval"), (("a", "+0.10", "[+0.1, +0.2]"), ("[b]", "-", "-")))
    text = latex_table(table)
    assert r"\begin{tabular}{lrr}" in text
    assert r"{}[b] & - & - \\" in text
