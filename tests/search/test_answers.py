"""Standard output has the answer of a command and nothing else, whatever other code writes."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from search.spaces import main
from tests.helpers.carried_out import without_settings
from tests.helpers.paths import ROOT

LOUD = """
import atexit
import os
import subprocess
import sys
from spaces import Configuration, Space

print("imported")
sys.__stdout__.write("imported, by another way\\n")
os.write(1, b"imported, by the descriptor\\n")
subprocess.run(["echo", "imported, by a program"], check=True)
atexit.register(print, "at the end")
atexit.register(os.write, 1, b"at the end, by the descriptor\\n")


def suggest(trial):
    print("suggested")
    return Configuration(extra={"units": trial.suggest_int("units", 8, 16)})


def build(configuration, input_shape, classes):
    import keras

    print("built")
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(classes)])


space = Space(name="loud", question="Who reads it?", suggest=suggest, build=build)
"""


@pytest.fixture
def loud(tmp_path: Path) -> Path:
    path = tmp_path / "loud.py"
    path.write_text(LOUD)
    return path


def run(folder: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    inherited = without_settings()
    return subprocess.run(
        [sys.executable, "-m", *(str(argument) for argument in arguments)],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
    )


def test_a_space_that_prints_is_shown_as_one_document(loud: Path) -> None:
    done = run(loud.parent, "search.spaces", loud, "-f", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "loud"
    for word in ("imported", "by another way", "by the descriptor", "by a program", "suggested", "at the end"):
        assert word in done.stderr


def test_every_command_on_its_study_prints_the_answer_alone(loud: Path) -> None:
    """One test, as a search takes seconds."""
    small = ("--n-trials", "1", "--epochs", "1", "--limit-train", "100", "--n-workers", "1")
    for command in (("launch", "--space", loud, *small), ("status",), ("best",)):
        done = run(loud.parent, f"search.{command[0]}", *command[1:], "-f", "json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["study_name"] == "loud-digits"
    report = run(loud.parent, "search.report", "-f", "md")
    assert report.stdout.startswith("### loud-digits"), report.stderr
    assert "suggested" not in report.stdout


def test_a_command_in_this_process_leaves_standard_output_as_it_was(
    loud: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loud.write_text("".join(line for line in LOUD.splitlines(keepends=True) if "atexit" not in line))
    done = CliRunner().invoke(main, [f"{loud}:space", "-f", "json"], catch_exceptions=False)
    assert json.loads(done.stdout)["name"] == "loud"
    assert "suggested" in done.stderr
    capfd.readouterr()
    print("afterwards")
    assert capfd.readouterr().out == "afterwards\n"


def test_commands_write_their_answers_by_the_one_way() -> None:
    """What goes to standard output otherwise would end on standard error, unseen."""
    assert sorted(other_ways()) == []


def other_ways() -> Iterator[str]:
    for path in (ROOT / "search").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and is_echo(node) and path.name not in ("answer.py", "__main__.py"):
                yield f"{path}:{node.lineno}"


def is_echo(node: ast.Call) -> bool:
    """Whether it is a call of `click.echo` that isn't for standard error."""
    if not isinstance(node.func, ast.Attribute):
        return False
    return ast.unparse(node.func) == "click.echo" and "err" not in {keyword.arg for keyword in node.keywords}
