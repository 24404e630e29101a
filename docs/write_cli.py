"""Writes docs/cli.md from the commands' own --help: `make docs`."""

import importlib
from pathlib import Path

import click

from search.commands.verbs import VERBS

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 100

HEAD = """\
# Commands

Made by `make docs` from the commands themselves; a test keeps it up to date. Where the values of flags come from, and
what exit codes mean, is in the [README](../README.md#flags-environment-and-files).
"""


def page() -> str:
    """The page as it should be."""
    return "\n".join([HEAD, *(section(verb, purpose) for verb, purpose in VERBS.items())])


def section(verb: str, purpose: str) -> str:
    """One command's part of the page."""
    command: click.Command = importlib.import_module(f"search.{verb}").main
    name = f"python -m search.{verb}"
    context = click.Context(command, info_name=name, terminal_width=WIDTH, **command.context_settings)
    return f"## {verb}\n\n{purpose[:1].upper()}{purpose[1:]}.\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
