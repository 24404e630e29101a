"""The colors of all figures: Okabe and Ito's (https://jfly.uni-koeln.de/color/), which can be told apart with every
kind of color vision. What differs in its color differs in its symbol or its line as well.
"""

from collections.abc import Mapping
from types import MappingProxyType

from search.views.facts import State

BLUE, ORANGE, GREEN, PURPLE, RED, SKY, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#D55E00",
    "#56B4E9",
    "#000000",
)
GRAY = "#8C8C8C"
EDGE = "#FFFFFF"

TRAINING, VALIDATION = ORANGE, BLUE
BEST = ORANGE
STATES: Mapping[State, str] = MappingProxyType(
    {
        "complete": BLUE,
        "pruned": GRAY,
        "diverged": PURPLE,
        "infeasible": ORANGE,
        "failed": RED,
        "running": SKY,
        "paused": GREEN,
    }
)
ARMS = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY, BLACK)
SCALE = "Cividis"  # of numbers; made for color-blind readers: https://doi.org/10.1371/journal.pone.0199239


def translucent(color: str, opacity: float) -> str:
    """A color that lets through what is behind it."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
