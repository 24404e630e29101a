"""Settings of the backend, from environment variables."""

import os

XLA = "SEARCH_XLA"
SKELETON = "SEARCH_SKELETON"


def xla_wanted() -> bool:
    """Whether SEARCH_XLA asks for XLA: "1". It makes small models on processors slower."""
    return os.environ.get(XLA) == "1"


def skeleton_wanted() -> bool | None:
    """Whether SEARCH_SKELETON asks for one program for all structures, "1", or one for each, "0", whatever takes less
    time: for measurements of both. None: it asks for neither.
    """
    return {"0": False, "1": True}.get(os.environ.get(SKELETON, ""))
