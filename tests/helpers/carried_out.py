"""Commands of ours that are carried out for real, as processes of their own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from search.host.program_folder import VARIABLE
from search.trainers.serving import SERVER
from tests.helpers.paths import ROOT


def without_settings() -> dict[str, str]:
    """This process's environment without what sets commands up, but with the tests' own folder of traced programs."""
    settings = ("SEARCH_", "OPTUNA_")
    return {name: value for name, value in os.environ.items() if name == VARIABLE or not name.startswith(settings)}


class Surroundings(TypedDict):
    """What subprocess starts a program with."""

    env: Mapping[str, str]
    pass_fds: tuple[int, ...]


def started_in(environment: Mapping[str, str], server: str | None) -> Surroundings:
    """This environment for a program whose trainers come from the tests' server, `server_of_trainers`, if it is given:
    tests that aren't about the start of trainers then import Keras once.
    """
    if server is None:
        return {"env": environment, "pass_fds": ()}
    return {"env": {**environment, SERVER: server}, "pass_fds": (int(server),)}


def run_program(
    folder: Path, program: str, *arguments: str, env: Mapping[str, str] | None = None, server: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m search.PROGRAM` in the folder to its end. Its trainers are from the `server` of the fixture
    `server_of_trainers`, if it is given, so that tests that aren't about the start of trainers import Keras once.
    """
    own = {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    return subprocess.run(
        [sys.executable, "-m", f"search.{program}", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        **started_in({**without_settings(), **own, **(env or {})}, server),
    )


def carry_out(folder: Path, program: str, *arguments: str, server: str | None = None) -> None:
    """Runs a search, comparison or confirmation by one worker of one thread, to its success."""
    small = ("--n-workers", "1", "-q")
    done = run_program(folder, program, *arguments, *small, env={"SEARCH_THREADS": "1"}, server=server)
    assert done.returncode == 0, done.stderr
