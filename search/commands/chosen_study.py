"""The study of a command: the named one, else the only one in the storage, next to which races of its trials may be."""

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
    from storage import hide_password

    names = names_to_choose_from(storage)
    if len(names) == 1:
        return names[0]
    where = hide_password(storage)
    if not names:
        raise UsageError(f"there is no study in {where} yet: python -m search.launch creates one")
    raise UsageError(f"{where} holds {len(names)} studies: give one with --study-name: {', '.join(names)}")


def names_to_choose_from(storage: str) -> list[str]:
    """The studies of the storage, in order; of a search and the races of its trials, the search alone."""
    from storage import study_names

    names = sorted(study_names(storage))
    alone = len(names) > 1 and all(is_race_of(storage, name, names[0]) for name in names[1:])
    return names[:1] if alone else names


def is_race_of(storage: str, name: str, search: str) -> bool:
    """Whether a study is a race of the trials of that search."""
    from storage import open_study
    from storage.errors import NotAStudyDatabase, SchemaTooNew

    try:
        with open_study(storage, name, only_look=True) as shared:
            comparison = shared.manifest.comparison
    except (NotAStudyDatabase, SchemaTooNew):
        return False
    return comparison is not None and comparison.kind == "race" and comparison.origin == search
