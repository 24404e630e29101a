"""What the checks look at: a search as frozen records, without a database or Optuna."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["complete", "pruned", "diverged", "infeasible", "failed"]


@dataclass(frozen=True)
class NumberRange:
    """The bounds of a numeric parameter, both included; `step` None for a continuous one; `log` a logarithmic scale."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value lies, from 0 at the lower bound to 1 at the upper, on the parameter's scale."""
        low, high, value = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        return (value - low) / (high - low) if high > low else 0.5

    def edge_probability(self, edge: float) -> float:
        """How probable it is that a value drawn at random lies in the outer `edge` (a share) of one end."""
        if self.step is None:
            return edge
        levels = round((self.high - self.low) / self.step) + 1
        shares = [self.share(self.low + number * self.step) for number in range(levels)]
        return max(sum(share <= edge for share in shares), 1) / levels


@dataclass(frozen=True)
class Run:
    """A finished trial. `scores` are the objective's by epoch, oriented so that more is better; `training` the same
    metric on the training images; NaN where there is none.
    """

    number: int
    state: State
    params: Mapping[str, Any]
    scores: tuple[float, ...]
    training: tuple[float, ...]

    @property
    def last(self) -> float:
        """The score after the last epoch, NaN without any."""
        return self.scores[-1] if self.scores else math.nan


@dataclass(frozen=True)
class SearchRecord:
    """A search: its finished trials in the order in which they finished. `ranges` are those of numeric parameters,
    `choices` the names of the others. `accuracy` says that scores are shares of images. `test` is the best trial's
    accuracy on `n_test` test images, None where it isn't known.
    """

    name: str
    space: str
    runs: tuple[Run, ...]
    ranges: Mapping[str, NumberRange]
    choices: tuple[str, ...]
    epochs: int
    accuracy: bool
    n_validation: int
    n_test: int
    test: float | None = None

    @property
    def complete(self) -> tuple[Run, ...]:
        """The completed trials that have a score, in the order in which they finished."""
        return tuple(run for run in self.runs if run.state == "complete" and math.isfinite(run.last))

    @property
    def ranked(self) -> tuple[Run, ...]:
        """The same, best first; of equals, the earlier trial."""
        return tuple(sorted(self.complete, key=lambda run: (-run.last, run.number)))

    def standard_error(self, score: float) -> float:
        """That of an accuracy on the validation images, which are drawn from many like them (Agresti and Coull 1998,
        with two hits and two misses more: near 0 and 1 the plain one is far too small).
        """
        n = self.n_validation + 4
        share = (score * self.n_validation + 2) / n
        return math.sqrt(share * (1 - share) / n)

    def points(self, difference: float) -> str:
        """A difference of scores in words: in points, hundredths of an accuracy, or as it is."""
        return f"{100 * difference:.1f} points" if self.accuracy else f"{difference:.3g}"
