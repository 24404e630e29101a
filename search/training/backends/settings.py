"""Settings of the backend, from environment variables."""

import os

XLA = "SEARCH_XLA"


def xla_wanted() -> bool:
    """Whether SEARCH_XLA asks for XLA: "1". It makes small models on processors slower."""
    return os.environ.get(XLA) == "1"
