"""Launches of a search: in the tests' own process, or as a real one with all the processes that it starts."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil
from click.testing import Result

from search.trainers.requests import TRAINER_NAME
from storage import SharedStudy, open_study
from tests.helpers.carried_out import started_in, without_settings
from tests.helpers.paths import ROOT
from tests.helpers.processes import is_of, is_running
from tests.helpers.waiting import PATIENCE_S


class RunLaunch(Protocol):
    """Runs the launch command in this process, in a folder of its own, and gives its exit code and output."""

    def __call__(self, *arguments: str | Path | int, env: Mapping[str, str] | None = None) -> Result: ...


class Launch:
    """A real `python -m search.launch`, and the processes that it starts, with the trainers that the tests' `server`
    starts for it.
    """

    def __init__(
        self, folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str], server: str | None
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._served = server is not None
        paths = {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
        self._errors = (folder / "stderr.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error::ResourceWarning", "-m", "search.launch", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            **started_in({**without_settings(), **paths, **environment}, server),
        )
        self.seen: dict[int, psutil.Process] = {}

    def finish(self) -> str:
        """Waits for its end and gives what it printed; remembers the exit code."""
        printed, _ = self.process.communicate(timeout=PATIENCE_S)
        self._errors.close()
        return printed

    @property
    def errors(self) -> str:
        """What it said on standard error, and earlier launches in the same folder before it."""
        return (self.folder / "stderr.txt").read_text()

    @property
    def code(self) -> int:
        """Its exit code."""
        code: int = self.process.returncode
        return code

    def children(self, role: str) -> list[psutil.Process]:
        """Its living processes of a role: worker, trainer or trainer_server."""
        return [child for child in self.descendants() if is_of(child, role)]

    def descendants(self) -> list[psutil.Process]:
        """The living processes that it or they started; those once seen are known also after it has ended."""
        roots = [*self.seen.values()]
        if psutil.pid_exists(self.process.pid):
            roots.append(psutil.Process(self.process.pid))
        for root in roots:
            try:
                self.seen |= {child.pid: child for child in root.children(recursive=True)}
            except psutil.NoSuchProcess:
                continue
        if self._served:
            self.seen |= {trainer.pid: trainer for trainer in trainers_in(self.folder)}
        return [child for child in self.seen.values() if is_running(child)]

    def end(self) -> None:
        """Ends whatever is left of it."""
        left = self.descendants()
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        for child in [*left, *self.descendants()]:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()


def trainers_in(folder: Path) -> list[psutil.Process]:
    """The trainers that work in the folder, of those that this process's trainer server has started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.name() == TRAINER_NAME and Path(child.cwd()) == folder.resolve():
                found.append(child)
        except psutil.Error:
            continue
    return found


class StartLaunch(Protocol):
    """Starts a real launch, in a folder of its own unless one is given. Its trainers are from the tests' server, which
    has imported Keras once for all of them, unless the launch is to have its `own_server`.
    """

    def __call__(
        self,
        *arguments: str | Path | int,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        own_server: bool = False,
    ) -> Launch: ...


@dataclass
class Prepared:
    """A study made before its first launch, so that a dead worker's slot is free again after `lease_s` seconds."""

    url: str
    name: str
    arguments: tuple[str, ...]
    _watched: SharedStudy | None = None

    def open(self) -> SharedStudy:
        """The study."""
        return open_study(self.url, self.name)

    def watched(self) -> SharedStudy:
        """The study, open until the end of the test: opening it at each look would take a processor from those who
        are waited for.
        """
        if self._watched is None:
            self._watched = self.open()
        return self._watched

    def epochs(self) -> int:
        """How many epochs have been recorded so far."""
        return self.watched().ledger.epoch_count()

    def close(self) -> None:
        if self._watched is not None:
            self._watched.close()


class PrepareStudy(Protocol):
    """Makes a study that a launch then joins; the options are those of `LaunchOptions`."""

    def __call__(self, lease_s: float = 2.0, **options: Any) -> Prepared: ...
