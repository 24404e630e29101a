"""The answer of a comparison, in records: each arm's mean, each pair's difference and verdict."""

from dataclasses import dataclass

from search.statistics.intervals import ConfidenceInterval
from search.statistics.planning import Estimate
from search.statistics.verdict import Verdict


@dataclass(frozen=True)
class ArmSummary:
    """One arm: n scores, their mean, their standard deviation and the 95 % interval of the mean; None where n is too
    small for one.

    `missing` are the replicates that other arms have. If they are missing because they failed, the mean flatters.
    """

    name: str
    n: int
    mean: float | None
    deviation: float | None
    interval: ConfidenceInterval | None
    missing: tuple[int, ...]


@dataclass(frozen=True)
class PairAnswer:
    """The arm `first` compared with `second`, on the n replicates that both have; differences are first minus second.

    `interval` is the 95 % interval of the mean difference on these images with other splits and seeds, of this pair by
    itself, `bootstrap` the bootstrap's, and `new_data` that of new data of this size, where splits were drawn.
    `p` is the permutation test's p-value, `p_corrected` the same after Holm's correction, `corrected` the interval at
    the level of that. `p_equivalence`, corrected too, is that of the test of equivalence. What n is too
    small for is None, and a p-value 1. There is an `estimate` if the verdict is `undecided` and n is at least 2. An
    answer that holds at any time has p-values and intervals of e-processes, no bootstrap and no estimate.
    """

    first: str
    second: str
    n: int
    difference: float | None
    deviation: float | None
    interval: ConfidenceInterval | None
    bootstrap: ConfidenceInterval | None
    new_data: ConfidenceInterval | None
    p: float
    p_corrected: float
    corrected: ConfidenceInterval | None
    p_equivalence: float
    verdict: Verdict
    estimate: Estimate | None


@dataclass(frozen=True)
class Answer:
    """All arms and all pairs, judged at a level against a margin in the scores' unit.

    No pair can be told apart with fewer than `fewest` replicates, whatever the scores.
    """

    arms: tuple[ArmSummary, ...]
    pairs: tuple[PairAnswer, ...]
    margin: float
    level: float
    fewest: int

    @property
    def decided(self) -> bool:
        """Whether every pair is, so that more replicates wouldn't change what is said."""
        return all(pair.verdict is not Verdict.UNDECIDED for pair in self.pairs)
