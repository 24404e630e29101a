"""Limits on what a search tries: sizes of a model, which mostly follow from its configuration before any training, and
what only training shows.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from spaces.configuration import Configuration
from spaces.costs import Cost, cost_of
from spaces.errors import SpaceError
from spaces.names import unknown_name
from spaces.resizing import in_size
from spaces.space import ImageShape

FLOAT_BYTES = 4
# What can be limited, and how it follows from a configuration's cost. `model_mb` are the weights as float32.
SIZES: Mapping[str, Callable[[Cost], float]] = MappingProxyType(
    {
        "parameters": lambda cost: float(cost.parameters),
        "model_mb": lambda cost: cost.parameters * FLOAT_BYTES / 1e6,
    }
)
TRAIN_SECONDS = "train_seconds"  # of a trial's epochs together, known after each of them
LIMITED = (*SIZES, TRAIN_SECONDS)
AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)")
UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


def parse_limits(text: str) -> dict[str, float]:
    """The limits in a text such as parameters=200k,model_mb=2.

    Raises:
        SpaceError: it has another form, names something that can't be limited, or something twice.
    """
    found = dict[str, float]()
    for part in text.split(","):
        name, _, amount = (piece.strip() for piece in part.partition("="))
        if name not in LIMITED:
            raise SpaceError(unknown_name("limit", name, LIMITED))
        given = AMOUNT.fullmatch(amount)
        if given is None or not float(given[1]):
            raise SpaceError(f"--limit {part.strip()}: give NAME=MOST, as in {name}=200k; k, M and G are units")
        if name in found:
            raise SpaceError(f"--limit gives {name} twice")
        found[name] = float(given[1]) * UNITS[given[2]]
    return found


@dataclass(frozen=True)
class Limits:
    """The most of each size, for images of a shape, unless a configuration has its own, and that many classes."""

    image_shape: ImageShape
    classes: int
    most: Mapping[str, float] = field(default_factory=dict)

    def broken_by(self, configuration: Configuration) -> str | None:
        """Which limit of a size a configuration breaks, with its number; None if it is within all of them."""
        if not self.of_sizes:
            return None
        shape = in_size(self.image_shape, configuration.image_size)
        return broken_by(self.of_sizes, cost_of(configuration, shape, self.classes))

    @property
    def of_sizes(self) -> Mapping[str, float]:
        """Those that follow from a configuration."""
        return {name: most for name, most in self.most.items() if name in SIZES}


def broken_by(most: Mapping[str, float], cost: Cost) -> str | None:
    """Which limit of a size a model of that cost breaks, with its number; None if it is within all of them."""
    for name, limit in most.items():
        size = SIZES[name](cost)
        if size > limit:
            return f"{name} {written(size)} is more than {written(limit)}"
    return None


def written(size: float) -> str:
    """A size: whole numbers with separators, others to three digits."""
    return f"{size:,.0f}" if size >= 1_000 or math.isclose(size, round(size)) else f"{size:.3g}"
