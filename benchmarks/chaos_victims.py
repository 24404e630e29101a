"""The processes of a campaign by their roles, and what is done to them."""

import contextlib
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from own_postgres import OwnPostgres

from search.trainers.requests import TRAINER_NAME

COMMANDS = ("launch", "compare", "confirm", "export")
ROLES = ("worker", "trainer_server", "trainer")


@dataclass
class Victims:
    """The processes that work in `folder`, and the backends of `server`; those of a role are drawn at random."""

    folder: Path
    server: OwnPostgres | None
    chance: random.Random
    lease_s: float
    counts: Counter[str] = field(default_factory=Counter)
    _stopped: dict[psutil.Process, float] = field(default_factory=dict)

    def kills(self) -> int:
        """How many processes got SIGKILL so far."""
        return sum(count for name, count in self.counts.items() if name.endswith("_killed"))

    def of(self, role: str) -> list[psutil.Process]:
        """The living processes of a role."""
        if role == "backend":
            return backends_of(self.server)
        return [process for process in self._all() if role_of(process) == role]

    def strike(self, role: str, deed: str) -> bool:
        """Does it to one of the role, or with the role "everything" to all; whether there was one."""
        if role == "everything":
            chosen = self._all()
        else:
            free = [process for process in self.of(role) if process not in self._stopped]
            chosen = [self.chance.choice(free)] if free else []
        struck = [process for process in chosen if self._do(deed, process)]
        self.counts[f"{role}_{deed}"] += bool(struck)
        return bool(struck)

    def wake(self, *, everybody: bool = False) -> None:
        """Continues those that were suspended for long enough."""
        for process in [process for process, until in self._stopped.items() if everybody or time.time() > until]:
            del self._stopped[process]
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def end_all(self) -> None:
        """Ends whatever is left."""
        self.wake(everybody=True)
        for process in self._all():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _do(self, deed: str, process: psutil.Process) -> bool:
        try:
            if deed == "killed":
                process.kill()
            elif deed == "terminated":
                process.send_signal(signal.SIGTERM)
            else:
                process.suspend()
                self._stopped[process] = time.time() + self.lease_s * self.chance.uniform(1.2, 2.0)
        except psutil.NoSuchProcess:
            return False
        return True

    def _all(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if role_of(process) is not None and Path(process.cwd()) == self.folder:
                    found.append(process)
        return found


def backends_of(server: OwnPostgres | None) -> list[psutil.Process]:
    """The processes of a server that serve clients. When one is killed, the server recovers as after a crash."""
    if server is None:
        return []
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
        children = psutil.Process(postmaster).children()
        return [child for child in children if "[local]" in " ".join(child.cmdline())]
    return []


def role_of(process: psutil.Process) -> str | None:
    """The role of a process in a search, None if it has none. A forked trainer has its server's command line."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if process.name() == TRAINER_NAME:
            return "trainer"
        words = process.cmdline()
    except psutil.Error:
        return None
    if any(f"search.{name}" in words for name in COMMANDS):
        return "command"
    return next((role for role in ROLES if f"search.{role}" in words), None)
