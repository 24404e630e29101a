"""Searching from Python: `run` does what `python -m search.launch` does, `load` reads the results of a study.

A search runs in separate processes, which read the space from its file. So it can be interrupted like the command, from
any thread, and continues when it is run again.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.api.result import Result, take_result
from search.datasets import resolve_dataset
from search.errors import InfrastructureError, SearchError, SearchFailed, UsageError
from search.host.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_STORAGE, EXIT_UNFINISHED, EXIT_USAGE
from search.host.module_path import module_command, with_our_path
from search.trainers.serving import descriptors_for_children
from spaces import resolve
from spaces.space import Space
from storage.default_url import DEFAULT_STORAGE

if TYPE_CHECKING:
    from click import Command

ERRORS: Mapping[int, type[SearchError]] = {
    EXIT_FAILED: SearchFailed,
    EXIT_USAGE: UsageError,
    EXIT_STORAGE: InfrastructureError,
}
MARK = "Error: "
ARRAYS = (
    ": a name, an .npz file or a folder, as workers are other processes; save arrays with np.savez('own.npz', "
    "x_train=…, y_train=…), and give dataset='own.npz'"
)

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
    """Searches a space, and waits until all trials of the study are finished; progress is printed unless `quiet`.

    `space` is a name (`bn_dropout`), `FILE.py:NAME`, `package.module:NAME`, or a Space that one of these names.
    `flags` are those of `python -m search.launch`: `n_trials=20, epochs=5, dataset="own.npz", n_workers=2`; those
    without a value are True or False: `baselines=True`, and those that may be given several times take a list:
    `only=["optimizer=adam,rmsprop"]`.

    Raises:
        UsageError: a flag is wrong, or the space only exists in this process.
        SearchFailed: no trial was completed.
        InfrastructureError: the database is unreachable.
        KeyboardInterrupt: it was interrupted; run it again to continue.
    """
    reference = reference_to(space)
    if flags.get("dry_run"):
        raise UsageError("a dry run has no result to return: python -m search.launch --dry-run says what would be done")
    typed = as_arguments(flags, launch_command())
    name = study_name or default_name(reference, flags.get("dataset"))
    arguments = [f"--space={reference}", f"--study-name={name}", *typed]
    follow(*command_line("search.launch", arguments, storage, quiet=quiet))
    return load(name, storage=storage)


def command_line(
    module: str, arguments: Sequence[str], storage: str, *, quiet: bool
) -> tuple[list[str], dict[str, str]]:
    """The command that prints JSON, and its environment, which has the database: it may have a password in it."""
    command = [*module_command(module), *arguments, "--format=json", *(["--quiet"] if quiet else [])]
    inherited = {key: value for key, value in os.environ.items() if key not in OF_TERMINALS}
    return command, {**with_our_path(inherited), "OPTUNA_STORAGE": storage, "SEARCH_STORAGE": storage}


def load(study_name: str | None = None, *, storage: str = DEFAULT_STORAGE) -> Result:
    """The results of a study so far; without a name, of the only study.

    Raises:
        StorageUsageError: there is no such study.
        UsageError: there are several, and none was named.
        StorageUnreachable: the database doesn't answer.
    """
    from search.commands.chosen_study import names_to_choose_from
    from storage import open_study

    if study_name is None:
        names = names_to_choose_from(storage)
        if len(names) != 1:
            raise UsageError(f"name the study: there are {', '.join(names) if names else 'none yet'}")
        (study_name,) = names
    with open_study(storage, study_name, only_look=True) as shared:
        return take_result(shared)


def reference_to(space: str | Path | Space) -> str:
    """The reference by which another process finds the space.

    Raises:
        UsageError: it was created here, and isn't in a file.
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


def launch_command() -> "Command":
    """The command that `run` runs."""
    from search.launch import main

    return main


def as_arguments(flags: Mapping[str, Any], to: "Command") -> list[str]:
    """The flags as a command line of that command; those that are None are omitted.

    Raises:
        UsageError: there is no such flag, or it can't have that value.
    """
    from search.commands.config_file import flag_options
    from spaces.names import unknown_name

    known = flag_options(to)
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
    """One flag as typed: a switch is present or not, a counting one is repeated.

    Raises:
        UsageError: a switch is neither True nor False, a count isn't a whole number, or the other way round; or it is
            an array or a list, which nobody types.
    """
    flag = f"--{name.replace('_', '-')}"
    if switch or count:
        if not isinstance(value, bool if switch else int):
            raise UsageError(f"{name} is {value!r}, and has to be {'True or False' if switch else 'a whole number'}")
        return [flag] * int(value)
    if isinstance(value, bool):
        raise UsageError(f"{name} is {value}, and has to be a value such as python -m search.launch --help names")
    if isinstance(value, Sized) and not isinstance(value, str):
        advice = ARRAYS if name == "dataset" else ""
        raise UsageError(
            f"{name} is of the type {type(value).__name__}, and has to be a value as it is typed after {flag}{advice}"
        )
    return [f"{flag}={value}"]


def follow(command: list[str], environment: Mapping[str, str], output: int = subprocess.DEVNULL) -> None:
    """Runs a command to its end and prints what it tells; an interrupt is passed on to it. Unfinished trials, after a
    timeout or a signal, aren't an error: what it tells and the result say so. Its result goes to the descriptor
    `output`.

    Raises:
        SearchError: it failed, of the kind that its exit code says.
        KeyboardInterrupt: it was interrupted.
    """
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        pass_fds=descriptors_for_children(),
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
    if code == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (0, EXIT_UNFINISHED):
        raise ERRORS.get(code, InfrastructureError)(fault or f"the search ended with exit code {code}")


def show(lines: Iterable[str]) -> str:
    """Prints the lines as they come, except a final error, which is returned."""
    fault = ""
    for line in lines:
        if line.startswith(MARK) or fault:
            fault += line.removeprefix(MARK)
        else:
            print(line, end="", flush=True)
    return fault.strip()
