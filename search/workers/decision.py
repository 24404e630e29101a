"""What becomes of a trial after an epoch."""

from enum import Enum, auto


class Decision(Enum):
    """The answer of the pruner. A paused trial is to be continued later, from its checkpoint."""

    CONTINUE = auto()
    STOP = auto()
    PAUSE = auto()
