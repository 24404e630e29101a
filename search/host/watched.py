"""Whether the process that started this one watches the search, and does what is to be done at its end."""

import os

VARIABLE = "SEARCH_WATCHED_BY"


def watched_by_me() -> dict[str, str]:
    """The variable of a process whose search this one watches."""
    return {VARIABLE: str(os.getpid())}


def is_watched() -> bool:
    """Whether the process that started this one watches the search, and still runs."""
    return os.environ.get(VARIABLE) == str(os.getppid())
