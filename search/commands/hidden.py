"""Masks the passwords that a command was given in its output."""

from collections.abc import Callable, Sequence

import click

from storage.masking import hide_in_text

URLS = ("artifact_store", "mlflow", "storage")  # the parameters of commands that may contain one


def hide_secrets(text: str) -> str:
    """The text with the passwords of its URLs masked, in particular the running command's."""
    return hider()(text)


def hide_typed(text: str, arguments: Sequence[str]) -> str:
    """The text with the passwords of typed URLs masked, for a command that couldn't be parsed."""
    values = [argument.partition("=")[2] if argument.startswith("-") else argument for argument in arguments]
    return hide_in_text(text, [value for value in values if "@" in value])


def hider() -> Callable[[str], str]:
    """A function that masks the running command's passwords, from any thread and at any time."""
    context = click.get_current_context(silent=True)
    params = {} if context is None else context.params
    urls = tuple(url for name in URLS if isinstance(url := params.get(name), str) and url)
    return lambda text: hide_in_text(text, urls)
