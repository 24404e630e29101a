"""How a command, or the workers that it ran, ended. Programs turn it into an exit code (search/host/exit_codes.py)."""

from enum import Enum, auto


class End(Enum):
    """How a command, or the workers that it ran, ended."""

    DONE = auto()  # nothing is left to do
    FAILED = auto()
    WRONG_INPUT = auto()
    UNREACHABLE = auto()  # the database
    UNFINISHED = auto()  # told to leave, or out of time
    INTERRUPTED = auto()  # by Ctrl-C

    @property
    def leaves_work(self) -> bool:
        """Whether it ended early on request, and left work for a later run."""
        return self in (End.UNFINISHED, End.INTERRUPTED)


def first_trouble(*ends: End) -> End:
    """The first of the ends that isn't DONE."""
    return next((end for end in ends if end is not End.DONE), End.DONE)
