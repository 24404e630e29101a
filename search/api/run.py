"""Searching from Python: `run` does what `python -m search.launch` does, `load` takes what a study has found.

A search runs in processes of its own, which read the space from where it is written down. So it can be interrupted
like the command, from any thread, and goes on when it is run again.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from search.api.result import Result, take_result
from search.datasets import resolve_dataset
from search.errors import InfrastructureError, SearchError, SearchFailed, UsageError
from search.host.module_path import module_command, with_our_path
from spaces import resolve
from spaces.space import Space

DEFAULT_STORAGE = "sqlite:///search.db"
UNFINISHED = 75
INTERRUPTED = 130
ERRORS: Mapping[int, type[SearchError]] = {1: SearchFailed, 2: UsageError, 3: InfrastructureError}
MARK = "Error: "

# A notebook's kernel says by these that it understands colors. A live view would be taken for a terminal's by them.
OF_TERMINALS = frozenset({"CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"})


def run(
    space: str | Path | Space,
    *,
    storage: str = DEFAULT_STORAGE,
    study_name: str | None = None,
    quiet: bool = False,
    **flags: Any,
) -> Result:
    """Searches a space, and waits until the study holds all of its trials; progress is printed unless `quiet`.

    `space` is a name (`bn_dropout`), `FILE.py:NAME`, `package.module:NAME`, or a Space that one of these names.
    `flags` are those of `python -m search.launch`: `n_trials=20, epochs=5, dataset="own.npz", n_workers=2`; those
    without a value are True or False: `baselines=True`, and those that may be given several times take a list:
    `only=["optimizer=adam,rmsprop"]`.

    Raises:
        UsageError: something is wrong with the flags, or the space is nowhere but in this process.
        SearchFailed: no trial was completed.
        InfrastructureError: the database is out of reach.
        KeyboardInterrupt: it was interrupted; run it again to go on.
    """
    reference = reference_to(space)
    if flags.get("dry_run"):
        raise UsageError("a dry run has no result to return: python -m search.launch --dry-run says what would be done")
    name = study_name or default_name(reference, flags.get("dataset"))
    arguments = [f"--space={reference}", f"--study-name={name}", *as_arguments(flags)]
    command = [*module_command("search.launch"), *arguments, "--format=json", *(["--quiet"] if quiet else [])]
    inherited = {key: value for key, value in os.environ.items() if key not in OF_TERMINALS}
    follow(command, {**with_our_path(inherited), "OPTUNA_STORAGE": storage, "SEARCH_STORAGE": storage})
    return load(name, storage=storage)


def load(study_name: str | None = None, *, storage: str = DEFAULT_STORAGE) -> Result:
    """What a study has found so far; without a name, the only study that there is.

    Raises:
        StorageUsageError: there is no such study.
        UsageError: there are several, and none was named.
        StorageUnreachable: the database doesn't answer.
    """
    from storage import open_study, study_names

    if study_name is None:
        names = study_names(storage)
        if len(names) != 1:
            raise UsageError(f"name the study: there are {', '.join(names) if names else 'none yet'}")
        (study_name,) = names
    with open_study(storage, study_name, only_look=True) as shared:
        return take_result(shared)


def reference_to(space: str | Path | Space) -> str:
    """How another process finds the space.

    Raises:
        UsageError: it was made here, and is written down nowhere.
    """
    if not isinstance(space, Space):
        return str(space)
    home = space.suggest.__module__
    names = [name for name, value in vars(sys.modules[home]).items() if value is space] if home in sys.modules else []
    if home == "__main__" or not names:
        raise UsageError(
            f"the space {space.name!r} is only in the memory of this process, and workers are other processes: write "
            "it into a file, such as my_space.py (in a notebook: %%writefile my_space.py), and give its name, "
            "space='my_space.py'"
        )
    return f"{home}:{names[0]}"


def default_name(reference: str, dataset: object) -> str:
    """The name that a launch gives to a study; raises UsageError if the images aren't there."""
    return f"{resolve(reference).space.name}-{Path(resolve_dataset(str(dataset or 'digits'))).stem}"


def as_arguments(flags: Mapping[str, Any]) -> list[str]:
    """The flags as a command line has them; those that are None aren't given.

    Raises:
        UsageError: there is no such flag, or it can't have that value.
    """
    from search.commands.config_file import flag_options
    from search.launch import main
    from spaces.names import unknown_name

    known = flag_options(main)
    arguments = list[str]()
    for name, value in flags.items():
        option = known.get(name.replace("_", "-"))
        if option is None:
            valid = sorted(flag.replace("-", "_") for flag in known)
            raise UsageError(unknown_name("setting", name, valid))
        if value is not None:
            several = value if option.multiple and isinstance(value, list | tuple) else [value]
            for one in several:
                arguments += as_typed(name, one, switch=option.is_flag, count=option.count)
    return arguments


def as_typed(name: str, value: object, *, switch: bool, count: bool) -> list[str]:
    """One flag as it is typed: a switch stands there or doesn't, one that counts stands there several times.

    Raises:
        UsageError: it is a switch, and neither True nor False; or a count, and no whole number; or the other way round.
    """
    flag = f"--{name.replace('_', '-')}"
    if switch or count:
        if not isinstance(value, bool if switch else int):
            raise UsageError(f"{name} is {value!r}, and has to be {'True or False' if switch else 'a whole number'}")
        return [flag] * int(value)
    if isinstance(value, bool):
        raise UsageError(f"{name} is {value}, and has to be a value such as python -m search.launch --help names")
    return [f"{flag}={value}"]


def follow(command: list[str], environment: Mapping[str, str]) -> None:
    """Runs a command to its end and prints what it says; an interrupt is passed on to it. That it leaves trials undone,
    as it ran out of time or was told to, isn't an error: it says so, and the result does.

    Raises:
        SearchError: it failed, of the kind that its exit code says.
        KeyboardInterrupt: it was interrupted.
    """
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None  # noqa: S101 - it was asked for
    with process, process.stderr:
        try:
            fault = show(process.stderr)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            show(process.stderr)
            raise
        code = process.wait()
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (0, UNFINISHED):
        raise ERRORS.get(code, InfrastructureError)(fault or f"the search ended with exit code {code}")


def show(lines: Iterable[str]) -> str:
    """Prints the lines as they come, but the error in which they may end, which is returned."""
    fault = ""
    for line in lines:
        if line.startswith(MARK) or fault:
            fault += line.removeprefix(MARK)
        else:
            print(line, end="", flush=True)
    return fault.strip()
