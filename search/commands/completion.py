"""Shell completion for flags that take names: the existing names, else files."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def offering(names: Callable[[], Iterable[str]]) -> Completer:
    """Completes with the names that start with the typed text; with files if there is none."""

    def complete(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        found = [CompletionItem(name) for name in names() if name.startswith(typed)]
        return found or [CompletionItem(typed, type="file")]

    return complete


def spaces() -> list[str]:
    """The names of the spaces."""
    from spaces.registry import space_names

    return space_names()


def datasets() -> list[str]:
    """The names of the data sets."""
    from search.datasets import dataset_names

    return dataset_names()


def samplers() -> list[str]:
    """The names of the samplers."""
    from search.sampling.samplers import SAMPLERS

    return list(SAMPLERS)


def pruners() -> list[str]:
    """The names of the pruners."""
    from search.sampling.pruners import PRUNERS

    return list(PRUNERS)
