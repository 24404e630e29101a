"""The exit codes of the commands, and of a process that a signal ends."""

from collections.abc import Mapping
from types import MappingProxyType

from search.host.ends import End

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_STORAGE = 3
EXIT_UNFINISHED = 75  # told to leave, or out of time; EX_TEMPFAIL of sysexits.h
EXIT_INTERRUPTED = 130

CODES: Mapping[End, int] = MappingProxyType(
    {
        End.DONE: EXIT_DONE,
        End.FAILED: EXIT_FAILED,
        End.WRONG_INPUT: EXIT_USAGE,
        End.UNREACHABLE: EXIT_STORAGE,
        End.UNFINISHED: EXIT_UNFINISHED,
        End.INTERRUPTED: EXIT_INTERRUPTED,
    }
)
ENDS: Mapping[int, End] = MappingProxyType({code: end for end, code in CODES.items()})


def end_of(code: int) -> End:
    """How one of our processes ended that had this exit code; a code that none of them has is a failure."""
    return ENDS.get(code, End.FAILED)
