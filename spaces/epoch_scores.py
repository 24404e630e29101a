"""What an epoch scored: the one record of it, from the trainer to the database and to what people see."""

import math
from typing import Any

import msgspec


class EpochScores(msgspec.Struct, frozen=True):
    """The scores of one epoch, counted from 1.

    A score that isn't a finite number is None, however the record was made: JSON has no NaN, and each database treats
    it in its own way. `seconds` is the wall time of training and validation together, `learning_rate` that of the next
    step. `metrics` has further metrics of the validation images by name; one that isn't finite isn't there.
    """

    epoch: int
    loss: float | None
    accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    seconds: float
    learning_rate: float
    metrics: dict[str, float] = {}

    def __post_init__(self) -> None:
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            if not is_finite(getattr(self, name)):
                msgspec.structs.force_setattr(self, name, None)
        if not all(map(is_finite, self.metrics.values())):
            finite = {name: value for name, value in self.metrics.items() if is_finite(value)}
            msgspec.structs.force_setattr(self, "metrics", finite)

    @property
    def diverged(self) -> str | None:
        """Why it makes no sense to continue training, or None."""
        for name, value in (("training", self.loss), ("validation", self.val_loss)):
            if value is None:
                return f"the {name} loss of epoch {self.epoch} is not finite"
        return None


def is_finite(value: Any) -> bool:
    """Whether there is a value, and it is neither infinite nor NaN."""
    return value is not None and math.isfinite(value)
