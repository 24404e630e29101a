"""How many connections a dashboard can hold with the descriptors that its process may have."""

import errno
import sys

OURS = 64  # what the process has open by itself, and the database's files for each of its threads
FEWEST = OURS + 16


def room(most: int) -> int:
    """How many connections there can be, no more than `most`. The process takes what it is allowed to have.

    Raises:
        OSError: too few for a single page.
    """
    if sys.platform == "win32":
        return most
    import resource

    soft, hard = (sys.maxsize if limit < 0 else limit for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    granted = min(most + OURS, hard)
    if soft < granted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    if granted < FEWEST:
        raise OSError(errno.EMFILE, f"the dashboard needs {FEWEST} open files, and may have {granted}")
    return granted - OURS
