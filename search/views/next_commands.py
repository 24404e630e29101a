"""Commands to type next, as they run in this shell."""

import os
import shutil
import sys
from pathlib import Path
from shlex import quote

from search.console.typed_lines import INDENT, typed
from search.views.layout import terminal_width, wrapped
from storage import hide_password
from storage.default_url import DEFAULT_STORAGE


def python() -> str:
    """How this shell starts the Python that runs this: by its name where that is the first on the path, as in an active
    environment, else by its path.
    """
    for name in ("python", "python3"):
        found = shutil.which(name)
        # Not the file that a link leads to: that of an environment leads to the Python it was made with.
        if found is not None and os.path.abspath(found) == os.path.abspath(sys.executable):  # noqa: PTH100
            return name
    executable = Path(sys.executable)
    here = Path.cwd()
    return quote(str(executable.relative_to(here) if executable.is_relative_to(here) else executable))


def storage_flag(storage: str) -> str:
    """The flag for a study's database, "" where commands find it without: by default, or in OPTUNA_STORAGE.

    A URL with a password is never printed: such a database is named in OPTUNA_STORAGE.
    """
    shown = hide_password(storage)
    if storage == DEFAULT_STORAGE and "OPTUNA_STORAGE" not in os.environ:
        return ""
    if storage == os.environ.get("OPTUNA_STORAGE") or shown != storage:
        return ""
    return f" --storage {quote(storage)}"


def needs_storage(storage: str) -> bool:
    """Whether the commands run only with the database's URL in OPTUNA_STORAGE, which isn't set."""
    return hide_password(storage) != storage and storage != os.environ.get("OPTUNA_STORAGE")


def command(verb: str, arguments: str, purpose: str) -> str:
    """A command, and below it what it is for."""
    return "\n".join([*typed(f"{python()} -m search.{verb}{arguments}", terminal_width()), *said(purpose)])


def said(purpose: str) -> list[str]:
    """What a command is for."""
    return wrapped(purpose, terminal_width(), INDENT * 3)


def listed(commands: list[str], storage: str) -> str:
    """The commands below a heading."""
    first = "Next, with the database's URL in OPTUNA_STORAGE:" if needs_storage(storage) else "Next:"
    return "\n".join([first, *commands])
