"""The environment variables that commands read; a name similar to one of ours is a mistake."""

import os
from importlib import import_module

import click

from search.commands.usage_errors import variables_of
from search.commands.verbs import VERBS
from search.host.machine import SHARE_VARIABLE, THREADS_VARIABLE
from search.host.program_folder import VARIABLE as PROGRAM_CACHE_VARIABLE
from search.host.watched import VARIABLE as WATCHED_VARIABLE
from spaces.names import nearest_name

PREFIX = "SEARCH_"

# Read where they are used, not by flags.
OTHERS = frozenset(
    {
        "SEARCH_DASHBOARD_LOGIN",
        "SEARCH_NOTIFY",
        "SEARCH_SKELETON",
        "SEARCH_TRAINER_SERVER",
        "SEARCH_XLA",
        PROGRAM_CACHE_VARIABLE,
        SHARE_VARIABLE,
        THREADS_VARIABLE,
        WATCHED_VARIABLE,
    }
)


def require_no_misspelled_variable(command: click.Command) -> None:
    """Raises click.UsageError if a variable is set that no command reads, but whose name is similar to one that is
    read.

    A variable that other commands read is fine, and so is one that resembles none of ours.
    """
    own = own_variables(command)
    strange = {name for name in os.environ if name.startswith(PREFIX)} - own
    if not strange:
        return
    known = all_variables()
    for name in sorted(strange - known):
        near = nearest_variable(name, own) or nearest_variable(name, known)
        if near is not None:
            raise click.UsageError(
                f"The environment variable {name} is set, which no command reads. Did you mean {near}? "
                "Rename it, or unset it."
            )


def nearest_variable(name: str, known: set[str]) -> str | None:
    """The variable that was probably meant."""
    near = nearest_name(name.removeprefix(PREFIX), (one.removeprefix(PREFIX) for one in sorted(known)))
    return None if near is None else f"{PREFIX}{near}"


def own_variables(command: click.Command) -> set[str]:
    """The variables that a command's flags take their values from."""
    return {name for parameter in command.params for name in variables_of(parameter, PREFIX.removesuffix("_"))}


def all_variables() -> set[str]:
    """The variables that any command reads."""
    commands = [import_module(f"search.{verb}").main for verb in VERBS]
    return set(OTHERS).union(*map(own_variables, commands))
