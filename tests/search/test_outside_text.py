"""Text from outside is shown as it is, never obeyed: by rich, by the terminal, or by a stream that can't write it."""

import ast
import io
import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from rich.console import Console

from search.commands.answer import answer, answer_json
from search.console.logs import ShownFormatter
from search.console.outside_text import is_text, shown
from search.launching.options import LaunchOptions
from search.launching.wording import result_text
from search.study.snapshot import Snapshot, WorkerStatus
from search.views.answer_text import lessons_text, top_text
from search.views.layout import TextTable, table_text
from search.views.markdown import titled_table
from search.views.status_view import StatusView
from storage.records import SlotCounts
from tests.helpers.lab import Lab
from tests.helpers.launches import RunLaunch
from tests.helpers.made_up import study_facts, trial_facts
from tests.helpers.paths import ROOT

ODD = ["[/conv]", "[bold", "[red]text[/red]", ":smile:", "[link=http://x]", "\\[", "|", "été", "日本", "👨‍👩‍👧"]
ESCAPES = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "a\rb", "\u202egnp.exe", "caf\udce9", "\x7f", "\0"]


@pytest.mark.parametrize("text", ODD)
def test_words_stay_as_they_are(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize("text", ESCAPES)
def test_what_a_terminal_would_obey_is_escaped(text: str) -> None:
    assert shown(text).isprintable()
    assert shown(text) == shown(shown(text)) != text


@given(st.text())
def test_whatever_is_shown_moves_no_cursor_and_can_be_written(text: str) -> None:
    assert all(character in "\n\t" or ord(character) >= 32 for character in shown(text))
    assert not any("\x7f" <= character <= "\x9f" for character in shown(text))
    shown(text).encode()


@given(st.text(st.characters()))
def test_what_is_text_can_be_stored(text: str) -> None:
    assert is_text(text) == ("\0" not in text and text.encode(errors="ignore").decode() == text)


@pytest.mark.parametrize("odd", [*ODD, *ESCAPES])
def test_a_search_is_summed_up_whatever_its_choices_are_called(lab: Lab, odd: str) -> None:
    choices = {odd: CategoricalDistribution([odd, "no"])}
    trials = [
        trial_facts(number, 0.98 - number / 100, {odd: odd, "other": number}, distributions=choices)
        for number in range(12)
    ]
    trials.append(trial_facts(12, 0.9, {"other": odd}))
    hostile = replace(study_facts(lab.study(0).manifest, trials, failures={odd: 1}, stop_reason=odd), name=odd)
    text = result_text(hostile, LaunchOptions(space="bn_dropout"))
    assert "0.9800" in text
    assert lessons_text(hostile).count(odd) >= 2
    assert top_text(hostile).count(shown(odd)) >= 3


@pytest.mark.parametrize("odd", [*ODD, *ESCAPES])
def test_a_comparison_is_shown_whatever_its_arms_are_called(odd: str) -> None:
    table = TextTable(odd, ("arm", odd), ((odd, "0.5"), ("other", odd)))
    assert table_text(table).count(shown(odd)) == 4
    assert {line.count("|") - line.count("\\|") for line in titled_table(table).splitlines()[2:]} == {3}


@pytest.mark.parametrize("odd", [*ODD, *ESCAPES])
def test_a_study_is_watched_whatever_its_names_and_reasons_are(odd: str) -> None:
    worker = WorkerStatus(odd, odd, 77, "at work", 12, 3, 0.21, 1.2, 940.0)
    snapshot = Snapshot(SlotCounts(total=2, leased=2), None, 0, odd, workers=(worker,), failures={odd: 1})
    written = io.StringIO()
    Console(file=written, width=200, color_system=None).print(StatusView(snapshot, odd, "val_accuracy"))
    assert written.getvalue().count(shown(odd)) + written.getvalue().count("a b") == 5  # a reason is on one line


class Unusual:
    """A value that can't be written."""

    def __str__(self) -> str:
        raise ValueError("no text")


def test_a_trial_that_cannot_be_shown_does_not_lose_the_rest(lab: Lab) -> None:
    facts = study_facts(lab.study(0).manifest, [trial_facts(4, 0.9, {"rate": Unusual()})])
    text = result_text(facts, LaunchOptions(space="bn_dropout"))
    assert "The only trial of demo is finished" in text
    assert "can't be shown: ValueError" in text
    assert "python -m search.report" in text


def test_a_log_holds_no_escape_sequence() -> None:
    record = logging.makeLogRecord({"msg": "the image %s can't be read", "args": ("\x1b[2Jx.png",)})
    assert ShownFormatter("%(message)s").format(record) == "the image \\x1b[2Jx.png can't be read"


def test_an_answer_in_json_is_the_same_json_for_every_stream(capsys: pytest.CaptureFixture[str]) -> None:
    document = {odd: odd for odd in [*ODD, "\x1b[2J", "\x9b31m", "\u202e"]}
    answer_json(json.dumps(document, ensure_ascii=False))
    written = capsys.readouterr().out
    assert json.loads(written) == document
    assert written.isascii()


def test_an_answer_for_people_holds_no_escape_sequence(capsys: pytest.CaptureFixture[str]) -> None:
    answer("".join(ESCAPES))
    assert capsys.readouterr().out.strip().isprintable()


SPACE = """
from spaces import Configuration, Space

def suggest(trial):
    trial.suggest_categorical("größe", ["日本", ":smile:", "\\x1b[2J"])
    return Configuration()

space = Space(name="mine", question="Größe ≥ 日本?", suggest=suggest)
"""


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "ascii:strict", "utf-8"])
@pytest.mark.parametrize("format_", ["table", "json"])
def test_no_encoding_loses_an_answer(tmp_path: Path, encoding: str, format_: str) -> None:
    (tmp_path / "mine.py").write_text(SPACE, encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "search.spaces", "mine.py:space", "-f", format_]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    text = done.stdout.decode(encoding.partition(":")[0])
    assert done.stderr == b""
    assert "\x1b" not in text
    if format_ == "json":
        assert json.loads(text)["question"] == "Größe ≥ 日本?"
    else:
        assert {"utf-8": "日本", "latin-1": "Größe \\u2265"}.get(encoding, "Gr\\xf6\\xdfe") in text


def test_a_file_whose_name_is_an_escape_sequence_is_named_harmlessly(cli: RunLaunch, tmp_path: Path) -> None:
    odd = tmp_path / "\x1b[2Jpets"
    (odd / "cats").mkdir(parents=True)
    for arguments in (("--dataset", odd), ("--dataset", f"{odd}.npz"), ("--config", odd), ("--config", f"{odd}.toml")):
        done = cli("--space", "bn_dropout", *arguments)
        assert done.exit_code == 2
        assert "pets" in done.stderr
        assert "\x1b" not in done.stderr


def test_all_that_is_printed_goes_through_one_place() -> None:
    """Besides the help of the program, the lines of a launch that it has written, in a notebook, and the last words of
    one whose streams may not work.
    """
    allowed = {"commands/answer.py", "commands/streams.py", "__main__.py", "api/run.py"}
    for path in (ROOT / "search").rglob("*.py"):
        calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        prints = {ast.unparse(call) for call in calls} & {"print", "click.echo", "click.secho", "sys.stdout.write"}
        assert not prints or str(path.relative_to(ROOT / "search")) in allowed
