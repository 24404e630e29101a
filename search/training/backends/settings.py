"""What environment variables ask of the machine under Keras."""

import os

THREADS = "SEARCH_THREADS"
XLA = "SEARCH_XLA"


def threads_wanted() -> int | None:
    """The number of threads that SEARCH_THREADS asks for; None if it isn't set.

    Raises:
        ValueError: it isn't a number of 1 or more.
    """
    text = os.environ.get(THREADS)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{THREADS} is a number of threads, 1 or more, not {text!r}")
    return int(text)


def xla_wanted() -> bool:
    """Whether SEARCH_XLA asks for XLA: "1". It makes small models on processors slower."""
    return os.environ.get(XLA) == "1"
