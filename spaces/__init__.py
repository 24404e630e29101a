"""What is searched: spaces, the configurations in them, and how a space is found by its name."""

from spaces.configuration import Configuration
from spaces.registry import BUILT_IN, SpaceSource, load_space, resolve, space_names
from spaces.space import Baseline, Space, Trial

__all__ = [
    "BUILT_IN",
    "Baseline",
    "Configuration",
    "Space",
    "SpaceSource",
    "Trial",
    "load_space",
    "resolve",
    "space_names",
]
