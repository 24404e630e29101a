"""What is searched: spaces, the configurations in them, and how a space is found by its name."""

from spaces.configuration import Configuration
from spaces.errors import Infeasible
from spaces.registry import SpaceSource, is_built_in, load_space, resolve, space_names
from spaces.space import Baseline, Space, Trial

__all__ = [
    "Baseline",
    "Configuration",
    "Infeasible",
    "Space",
    "SpaceSource",
    "Trial",
    "is_built_in",
    "load_space",
    "resolve",
    "space_names",
]
