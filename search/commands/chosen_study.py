"""The study of a command: the named one, else the only one in the storage."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from search.errors import UsageError

if TYPE_CHECKING:
    from storage import SharedStudy

F = TypeVar("F", bound=Callable[..., Any])


def study_flag(command: F) -> F:
    """Adds --study-name, which may be omitted if the storage has a single study."""
    return click.option("--study-name", help="The study.  [default: the only one in the storage]")(command)


@contextlib.contextmanager
def chosen_study(storage: str, study_name: str | None, *, only_look: bool = True) -> "Iterator[SharedStudy]":
    """Opens the study read-only, which needs no write permission, unless `only_look` is false.

    Raises:
        UsageError: none was named, and there is not exactly one.
        StorageError: it can't be opened; StudyNotFound lists the existing ones.
    """
    import optuna

    from storage import open_study

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with open_study(storage, study_name or only_study(storage), only_look=only_look) as shared:
        yield shared


def only_study(storage: str) -> str:
    """The name of the storage's only study; raises UsageError if it has none or several."""
    from storage import hide_password, study_names

    names = sorted(study_names(storage))
    if len(names) == 1:
        return names[0]
    where = hide_password(storage)
    if not names:
        raise UsageError(f"there is no study in {where} yet: python -m search.launch creates one")
    raise UsageError(f"{where} holds {len(names)} studies: give one with --study-name: {', '.join(names)}")
