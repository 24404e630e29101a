"""Tables fit the width that there is, and no word is cut for it."""

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from search.console.typed_lines import typed
from search.views.layout import TextTable, layer_lines, table_text, wrapped

TRIALS = TextTable(
    "Best trials",
    ("trial", "val_accuracy", "epochs", "optimizer", "dropout_position"),
    (("3", "0.9895", "10", "momentum", "after_normalization"), ("12", "0.9861", "10", "adam", "before_every_dense")),
    frozenset({"trial", "val_accuracy", "epochs"}),
)


def test_a_table_that_fits_has_a_line_a_row_with_numbers_to_the_right() -> None:
    assert table_text(TRIALS, 80).splitlines() == [
        "Best trials",
        "",
        " trial  val_accuracy  epochs  optimizer  dropout_position",
        " " + "─" * 59,
        "     3        0.9895      10  momentum   after_normalization",
        "    12        0.9861      10  adam       before_every_dense",
    ]


def test_one_that_is_too_wide_is_turned_round() -> None:
    assert table_text(TRIALS, 59).splitlines()[2:] == [
        " trial             3                    12",
        " " + "─" * 57,
        " val_accuracy      0.9895               0.9861",
        " epochs            10                   10",
        " optimizer         momentum             adam",
        " dropout_position  after_normalization  before_every_dense",
    ]


def test_one_that_is_too_wide_either_way_is_told_in_paragraphs() -> None:
    assert table_text(TRIALS, 50).splitlines()[2:] == [
        "  trial 3",
        "      val_accuracy 0.9895, epochs 10, optimizer",
        "      momentum, dropout_position",
        "      after_normalization",
        "  trial 12",
        "      val_accuracy 0.9861, epochs 10, optimizer",
        "      adam, dropout_position before_every_dense",
    ]


def test_wide_characters_count_as_wide_as_they_are() -> None:
    table = TextTable("Classes", ("class", "images"), (("猫", "3"), ("dog", "12")), frozenset({"images"}))
    lines = table_text(table, 80).splitlines()[2:]
    assert {cell_len(line) for line in lines if "─" not in line} == {len(" class  images")}


@given(
    st.lists(st.lists(st.text("abcdefgh", min_size=1, max_size=12), min_size=4, max_size=4), min_size=1, max_size=4),
    st.integers(40, 130),
)
def test_every_word_of_a_table_is_there_whole_within_the_width(rows: list[list[str]], width: int) -> None:
    table = TextTable("Any", ("first", "second", "third", "fourth"), tuple(map(tuple, rows)))
    text = table_text(table, width)
    assert max(map(cell_len, text.splitlines())) <= width
    words = text.replace(",", " ").split()
    assert all(words.count(cell) >= sum(row.count(cell) for row in rows) for row in rows for cell in row)


@pytest.mark.parametrize("width", [40, 80])
def test_text_is_broken_between_words_alone(width: int) -> None:
    text = "after_normalization before-activation " * 6
    lines = wrapped(text, width, "  ")
    assert max(map(len, lines)) <= width
    assert " ".join(line.strip() for line in lines) == text.strip()


def test_a_row_of_layers_is_broken_before_arrows() -> None:
    assert layer_lines("flatten -> dropout 0.4 -> dense 128 -> output", 30, "  ") == [
        "  flatten -> dropout 0.4",
        "    -> dense 128 -> output",
    ]


def test_a_command_that_is_too_long_goes_on_in_the_next_line_before_a_flag() -> None:
    line = "python -m search.export --study-name 'my study' --trial 7 -o model.keras"
    assert typed(line, 80) == [f"  {line}"]
    assert typed(line, 60) == ["  python -m search.export --study-name 'my study' \\", "    --trial 7 -o model.keras"]
    assert typed(line, 30) == [
        "  python -m search.export \\",
        "    --study-name 'my study' \\",
        "    --trial 7 -o model.keras",
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(" -ab'\"\\$", max_size=12), max_size=6), st.integers(60, 120))
def test_a_shell_reads_a_broken_command_as_the_whole_one(names: list[str], width: int) -> None:
    line = " ".join(["bin/python -m search.launch", *(f"--study-name {shlex.quote(name)}" for name in names)])
    lines = typed(line, width)
    assert max(map(len, lines)) <= width
    told = subprocess.run(
        ["sh", "-c", "printf '%s\\0' " + "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert told.stdout.split("\0")[:-1] == shlex.split(line)
