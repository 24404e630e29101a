"""The file of `--config`: values of flags in TOML, treated as if they were typed."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import click

from search.commands.values import may_be_empty
from search.console.outside_text import is_text
from storage.masking import hide_password

KINDS: Mapping[type, str] = MappingProxyType(
    {list: "a list", dict: "a table", bool: "true or false", str: "text", int: "a number", float: "a number"}
)
LARGEST = 2**20  # bytes; a larger file can't be one of flags, and isn't read


def read_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    """Takes the defaults of the flags from a TOML file, whose keys are the flags' names."""
    if path is None:
        return None
    try:
        document = _document(path)
    except ValueError as error:
        raise click.BadParameter(f"{path} {error}", ctx=ctx) from error
    try:
        named = flag_values(ctx.command, document)
    except ValueError as error:
        raise click.BadParameter(f"{path}: {error}", ctx=ctx) from error
    ctx.default_map = {**(ctx.default_map or {}), **named}
    return path


def settings(command: click.Command) -> dict[str, str]:
    """The settings of a file: the long flags without their dashes, with their parameters."""
    return {flag: str(option.name) for flag, option in flag_options(command).items()}


def flag_values(command: click.Command, document: Mapping[str, object]) -> dict[str, object]:
    """The values of a document by the command's parameters.

    Raises:
        ValueError: one is of no flag, or isn't of its type.
    """
    options, found = flag_options(command), dict[str, object]()
    for key, value in document.items():
        option = options.get(key.replace("_", "-"))
        if option is None:
            from spaces.names import unknown_name

            raise ValueError(unknown_name("setting", key, sorted(options)))
        found[str(option.name)] = _as_typed(key, value, option)
    return found


def _document(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST)
        return tomllib.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("can't be read: its values are nested too deeply") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"can't be read: {error}") from error


def flag_options(command: click.Command) -> dict[str, click.Option]:
    """The flags that a file may set, by their long names without dashes."""
    return {
        flag.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option) and option.name != "config"
        for flag in option.opts
        if flag.startswith("--")
    }


def _as_typed(key: str, value: object, option: click.Option) -> object:
    """The value for click: text, as from the command line, or a boolean, or a count."""
    if option.is_flag or option.count:
        kind, valid = (bool, "true or false") if option.is_flag else (int, "a whole number")
        if type(value) is not kind:
            raise _wrong(key, value, valid)
        return value
    if option.multiple:
        if not isinstance(value, list):
            raise _wrong(key, value, 'a list such as ["one", "two"]')
        return [_text(key, item) for item in value]
    text = _text(key, value)
    if not text.strip() and not may_be_empty(option):
        raise ValueError(f"{key} has an empty value: give one, or leave it out")
    return text


def _text(key: str, value: object) -> str:
    if type(value) not in (str, int, float):
        raise _wrong(key, value, "one number or text")
    if not is_text(str(value)):
        raise ValueError(f"{key} is {hide_password(str(value))!a}, and has to be text without NUL")
    return str(value)


def _wrong(key: str, value: object, valid: str) -> ValueError:
    return ValueError(f"{key} is {KINDS.get(type(value), 'a date or time')}, and has to be {valid}")
