"""What an exception in a job means: whether another attempt makes sense, and what the user is told."""

from search.trainers.protocol import FailureKind
from search.training.datasets.errors import DataError
from spaces.errors import SpaceError

OUT_OF_MEMORY_NAMES = frozenset({"ResourceExhaustedError", "OutOfMemoryError", "MemoryError"})
OUT_OF_MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "out of memory", "OOM when allocating")
LONGEST_REASON = 500


def failure_kind(error: BaseException) -> FailureKind:
    """The kind of failure.

    Backends report exhausted memory by exceptions of their own, which are known by name and text, so that none of the
    backends needs to be imported here.
    """
    if isinstance(error, DataError):
        return "data_error"
    if _is_out_of_memory(error):
        return "out_of_memory"
    if isinstance(error, SpaceError):
        return "space_error"
    return "storage_error" if isinstance(error, OSError) else "crash"


def failure_reason(error: BaseException) -> str:
    """One line for the user: our own messages as they are, others with their type."""
    lines = str(error).strip().splitlines() or [""]
    text = lines[0] if isinstance(error, DataError | SpaceError) else f"{type(error).__name__}: {lines[0]}"
    return text[:LONGEST_REASON]


def _is_out_of_memory(error: BaseException) -> bool:
    """Of the exception or of one that it was raised from, such as one in a space's own `build`."""
    cause = error.__cause__
    if cause is not None and _is_out_of_memory(cause):
        return True
    return type(error).__name__ in OUT_OF_MEMORY_NAMES or any(word in str(error) for word in OUT_OF_MEMORY_WORDS)
