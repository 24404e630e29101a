"""How far the epoch is that a worker's trainer is at."""

from dataclasses import dataclass


@dataclass
class EpochProgress:
    """The steps done of the running epoch, and all of its steps; None between epochs, and of short ones. The worker
    notes them, and its heartbeats pass them on.
    """

    steps: tuple[int, int] | None = None
