"""Searches and comparisons that a tool plans or starts: the commands, in processes of their own."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

from search.errors import UsageError
from search.host.module_path import module_command, with_our_path

PLAN_S = 300.0


def planned(storage: str, arguments: Mapping[str, Any]) -> tuple[Any, str]:
    """The plan of a launch as a document, and in words.

    Raises:
        UsageError: the launch would be refused; the message is the command's.
    """
    command = [*module_command("search.launch"), *as_flags(arguments), "--dry-run", "--format=json"]
    done = subprocess.run(
        command,
        env=environment(storage),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PLAN_S,
        check=False,
    )
    if done.returncode != 0:
        raise UsageError(done.stderr.strip().removeprefix("Error: ").removesuffix("."))
    return json.loads(done.stdout), done.stderr.strip()


def started(module: str, storage: str, arguments: Mapping[str, Any]) -> tuple[str, Any]:
    """Starts the command, which goes on when this process ends; a sentence, and its process and log."""
    command = [*module_command(module), *as_flags(arguments)]
    descriptor, log = tempfile.mkstemp(prefix="search-", suffix=".log")
    with os.fdopen(descriptor, "wb") as output:
        process = subprocess.Popen(
            command,
            env=environment(storage),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    sentence = f"It runs as process {process.pid} and writes to {log}; ask for the status. There is no result yet."
    return sentence, {"process": process.pid, "log": log}


def as_flags(arguments: Mapping[str, Any]) -> list[str]:
    """The arguments as flags of the command; they have been checked by the tool's schema."""
    return [f"--{name.replace('_', '-')}={as_text(value)}" for name, value in arguments.items()]


def as_text(value: Any) -> str:
    """A value as typed: a list separated by commas."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def environment(storage: str) -> dict[str, str]:
    """The environment of a command, with the database, which may have a password in its URL."""
    return {**with_our_path(os.environ), "OPTUNA_STORAGE": storage, "SEARCH_STORAGE": storage}
