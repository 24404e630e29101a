"""What an engine does: the whole of what the commands know of Slurm and others."""

from typing import Protocol

from search.cluster.fleet import EngineName, Fleet, Job
from search.cluster.last_words import LastWords


class Engine(Protocol):
    """Starts the jobs of a fleet, lists them, and asks them to leave. Nothing is remembered between calls.

    Every method raises UsageError, in the engine's own words, where it refuses what was asked for or its commands
    aren't on this machine, and InfrastructureError where it doesn't answer. No secret is in an argument of a command,
    nor in what `render` returns. `writes_files` says that the fleet's folder is written on this machine.
    """

    name: EngineName
    writes_files: bool

    def render(self, fleet: Fleet, count: int) -> str:
        """The script or manifest with which this many jobs are submitted."""
        ...

    def require_accepted(self, fleet: Fleet, count: int) -> None:
        """Raises as all do where it is known already that such jobs would be refused. Nothing is submitted."""
        ...

    def shares_files(self, fleet: Fleet, /) -> bool:
        """Whether the nodes are known to see the fleet's folder as this machine does."""
        ...

    def submit(self, fleet: Fleet, count: int) -> None:
        """Adds this many jobs. What was written for them is removed if they are refused."""
        ...

    def list(self, fleet: Fleet) -> tuple[Job, ...]:
        """The fleet's jobs, those that have ended too as long as the engine remembers them."""
        ...

    def last_words(self, fleet: Fleet, job: Job) -> LastWords:
        """The end of what a job printed."""
        ...

    def scale(self, fleet: Fleet, count: int) -> None:
        """Brings the jobs that are queued or running to that number. Those that are too many and wait are canceled,
        those that run are asked to leave: they give their trial back with its checkpoint.
        """
        ...

    def cancel(self, fleet: Fleet) -> None:
        """As `scale` to 0; also removes what was left at the engine for the fleet."""
        ...
