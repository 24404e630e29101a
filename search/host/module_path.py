"""Keeps Python from looking for modules in the current folder first, which may contain files of any name.

`python -m` puts that folder before everything else. A `storage.py` or `random.py` in it, or a folder `spaces`, would
then hide this project's package, or one of Python's own modules.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from search.host.exit_codes import EXIT_USAGE

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("spaces", "storage")
PROGRAM = "keras-image-search"
PATH = "PYTHONPATH"


def settle_module_path() -> None:
    """Moves the current folder to the end of the search path, if this process runs one of our modules.

    Raises:
        SystemExit, in a command, or ImportError: another module with the name of one of our packages hides it.
    """
    running = sys.argv[:1] == ["-m"]  # Python's value while it looks for the module to run
    if running and not sys.flags.safe_path and sys.path and sys.path[0] == _current() != str(ROOT):
        del sys.path[0]
    problems = list(shadows())
    if not problems:
        return
    if running or Path(sys.argv[0] if sys.argv else "").name == PROGRAM:
        sys.stderr.write(f"Error: {' '.join(problems)}\n")
        raise SystemExit(EXIT_USAGE)
    raise ImportError(" ".join(problems))


def shadows() -> Iterator[str]:
    """Messages about modules that hide one of our packages."""
    for name in PACKAGES:
        place = _place(name)
        if place is not None and place.resolve() != ROOT / name:
            yield (
                f"{place} has the name of this project's package {name!r}, {ROOT / name}, and Python finds it first: "
                f"rename it, or take its folder out of {PATH}, where an empty entry is the current folder; or work in "
                "another folder."
            )


def module_command(module: str) -> tuple[str, ...]:
    """The command that runs one of our modules, without the current folder on its path."""
    return sys.executable, "-P", "-m", module


def with_our_path(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for such a command: if this project may only be found in the current folder, PYTHONPATH
    names it.
    """
    given = environment.get(PATH, "")
    if _current() != str(ROOT) or str(ROOT) in given.split(os.pathsep):
        return dict(environment)
    return {**environment, PATH: os.pathsep.join(filter(None, (str(ROOT), given)))}


def _place(name: str) -> Path | None:
    """The folder, or the file, that the package's name leads to."""
    module = sys.modules.get(name)
    spec = module.__spec__ if module is not None else importlib.util.find_spec(name)
    if spec is None:
        return None
    found = spec.origin or next(iter(spec.submodule_search_locations or ()), None)
    if found is None:
        return None
    path = Path(found)
    return path.parent if path.name == "__init__.py" else path


def _current() -> str | None:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return None  # it was removed
