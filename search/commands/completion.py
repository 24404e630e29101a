"""What a shell offers for the flags that take names: those that there are, else files."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def offering(names: Callable[[], Iterable[str]]) -> Completer:
    """A completion by the names that begin as what was typed; by files where there is none."""

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
