"""What a command says, without the passwords that it was given."""

from collections.abc import Callable, Sequence

import click

from storage.masking import hide_in_text

URLS = ("artifact_store", "mlflow", "storage")  # the parameters of commands that may hold one


def hide_secrets(text: str) -> str:
    """The text without the passwords in its URLs, above all those of the command that runs."""
    return hider()(text)


def hide_typed(text: str, arguments: Sequence[str]) -> str:
    """The text without the passwords in the URLs that were typed, of a command that didn't get to run."""
    values = [argument.partition("=")[2] if argument.startswith("-") else argument for argument in arguments]
    return hide_in_text(text, [value for value in values if "@" in value])


def hider() -> Callable[[str], str]:
    """What hides those of the command that runs, from any thread and at any time."""
    context = click.get_current_context(silent=True)
    params = {} if context is None else context.params
    urls = tuple(url for name in URLS if isinstance(url := params.get(name), str) and url)
    return lambda text: hide_in_text(text, urls)
