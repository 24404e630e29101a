"""The commands explain themselves: they are listed by task, and their examples are ones that they accept."""

import re
import shlex
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from search.__main__ import main
from search.commands.cli import Verb
from search.commands.flag_groups import GROUPS, MANY
from search.commands.verbs import TASKS, VERBS

PREFIX = "python -m search."
HEADING = re.compile(r"^\S[^:\n]*:$", re.MULTILINE)


def command_of(verb: str) -> Verb:
    command = import_module(f"search.{verb}").main
    assert isinstance(command, Verb)
    return command


def test_the_commands_are_listed_by_task() -> None:
    printed = CliRunner().invoke(main, prog_name="python -m search").output
    assert [task for task in TASKS if f"\n{task.capitalize()}:\n" not in printed] == []
    assert [verb for verb in VERBS if f"\n  python -m search.{verb} " not in printed] == []


def test_the_installed_program_lists_its_own_commands() -> None:
    printed = CliRunner().invoke(main, prog_name="keras-image-search").output
    assert [verb for verb in VERBS if f"\n  keras-image-search {verb} " not in printed] == []
    assert "python -m" not in printed


def test_it_says_its_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).output == f"keras-image-search {version('keras-image-search')}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_short_and_long_help_are_the_same(verb: str) -> None:
    short, long = (CliRunner().invoke(command_of(verb), [flag]).output for flag in ("-h", "--help"))
    assert short == long


@pytest.mark.parametrize("verb", VERBS)
def test_every_flag_is_in_the_help_once_under_a_heading_if_they_are_many(verb: str) -> None:
    command = command_of(verb)
    help_ = CliRunner().invoke(command, ["--help"]).output.partition("\nExamples:")[0]
    _, *lists = re.split(HEADING, help_)
    flags = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    listed = re.findall(r"^  (?:-\w, )?(--[\w-]+)", "".join(lists), re.MULTILINE)
    assert sorted(listed) == sorted([*(max(flag.opts, key=len) for flag in flags), "--help"])
    headings = HEADING.findall(help_)
    assert ("Options:" in headings) == (len(flags) + 1 < MANY)
    assert len(set(headings)) == len(headings)


def test_every_flag_that_has_a_heading_is_one_of_some_command() -> None:
    known = {parameter.name for verb in VERBS for parameter in command_of(verb).params}
    assert {name for names in GROUPS.values() for name in names} - known == {"help"}


@pytest.mark.parametrize("verb", VERBS)
def test_each_is_a_command_of_one_program_too(verb: str) -> None:
    done = CliRunner().invoke(main, prog_name="search", args=[verb, "--help"])
    assert done.exit_code == 0
    assert done.output.startswith(f"Usage: search {verb} [OPTIONS]")


def test_no_command_is_listed_twice() -> None:
    assert len(VERBS) == sum(map(len, TASKS.values()))


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_ends_with_examples_of_the_command(verb: str) -> None:
    examples = command_of(verb).examples
    assert any(PREFIX + verb in example for example in examples)
    help_ = CliRunner().invoke(command_of(verb), ["--help"]).output.replace(" \\\n    ", " ")
    assert [example for example in examples if example not in help_] == []


@pytest.mark.parametrize("verb", VERBS)
def test_the_command_accepts_its_examples(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for arm in ("before.json", "after.json"):
        (tmp_path / arm).write_text("{}")
    for example in command_of(verb).examples:
        if PREFIX in example:
            named, *arguments = shlex.split(example[example.index(PREFIX) + len(PREFIX) :])
            assert isinstance(command_of(named).make_context(named, arguments), click.Context)


@pytest.mark.parametrize("verb", VERBS)
def test_every_flag_says_what_it_is_for(verb: str) -> None:
    flags = [parameter for parameter in command_of(verb).params if isinstance(parameter, click.Option)]
    assert [flag.name for flag in flags if not (flag.help or "").strip()] == []


@pytest.mark.parametrize("verb", VERBS)
def test_help_fits_a_narrow_terminal(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = CliRunner().invoke(import_module(f"search.{verb}").main, ["--help"])
    assert max(map(len, done.output.splitlines())) <= 80
