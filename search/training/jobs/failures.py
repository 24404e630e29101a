"""The classification of exceptions in a job: whether another attempt makes sense, and what the user is told."""

from search.datasets.errors import DataError
from spaces.blame import describe, own_line
from spaces.errors import Infeasible, SpaceError
from spaces.failure_kind import FailureKind

OUT_OF_MEMORY_NAMES = frozenset({"ResourceExhaustedError", "OutOfMemoryError", "MemoryError"})
OUT_OF_MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "out of memory", "OOM when allocating")
# TensorFlow's, of which the state of a device may be the cause, wherever the operation was written.
OF_DEVICES = frozenset(
    {"AbortedError", "CancelledError", "DataLossError", "DeadlineExceededError", "InternalError", "UnavailableError"}
    | {"UnknownError"}
)


def failure_kind(error: BaseException) -> FailureKind:
    """The kind of failure.

    What goes wrong in the user's own code, as in a layer that is called in training, is the space's doing.
    Backends report exhausted memory by exceptions of their own, which are known by name and text, so that none of the
    backends needs to be imported here.
    """
    if isinstance(error, DataError):
        return "data_error"
    if _is_out_of_memory(error):
        return "out_of_memory"
    if isinstance(error, Infeasible):
        return "infeasible"
    if isinstance(error, SpaceError):
        return "space_error"
    if isinstance(error, OSError):
        return "storage_error"
    of_space = own_line(error) is not None and type(error).__name__ not in OF_DEVICES
    return "space_error" if of_space else "crash"


def failure_reason(error: BaseException) -> str:
    """One line for the user: our own messages as they are, of others the words that say why, with their type and the
    last line of the user's own code.
    """
    return " ".join(str(error).split()) if isinstance(error, DataError | SpaceError) else describe(error)


def _is_out_of_memory(error: BaseException) -> bool:
    """Of the exception or of one that it was raised from, such as one in a space's own `build`."""
    cause = error.__cause__
    if cause is not None and _is_out_of_memory(cause):
        return True
    return type(error).__name__ in OUT_OF_MEMORY_NAMES or any(word in str(error) for word in OUT_OF_MEMORY_WORDS)
