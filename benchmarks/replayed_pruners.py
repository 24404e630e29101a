"""How far pruners would train configurations whose learning curves are known, one after the other by one worker."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from search.statistics.scores import FloatArray

# As a search's: the first rung is after a fifth of the epochs, and a third of the trials goes on from each.
GRACE, REDUCTION, FEWEST = 5, 3, 3

Rule = Callable[[FloatArray], float]
Pruner = Callable[[Sequence[FloatArray], Rule], list[FloatArray]]


def rungs(epochs: int) -> list[int]:
    """The epochs after which a trial may be stopped or paused."""
    first = max(1, epochs // GRACE)
    count = int(math.log(epochs / first) / math.log(REDUCTION)) + 1
    return [first * REDUCTION**power for power in range(count) if first * REDUCTION**power < epochs]


def unpruned(curves: Sequence[FloatArray], _rule: Rule) -> list[FloatArray]:
    """The whole curves."""
    return list(curves)


def stopped(curves: Sequence[FloatArray], rule: Rule) -> list[FloatArray]:
    """The curves as far as asynchronous halving would train them that stops trials for good."""
    epochs = max(len(curve) for curve in curves)
    seen: dict[int, list[float]] = {rung: [] for rung in rungs(epochs)}
    kept = list[FloatArray]()
    for curve in curves:
        end = len(curve)
        for rung, values in seen.items():
            if rung >= len(curve):
                break
            value = rule(curve[:rung])
            values.append(value)
            if sum(other > value for other in values) >= max(1, len(values) // REDUCTION):
                end = rung
                break
        kept.append(curve[:end])
    return kept


def promoted(curves: Sequence[FloatArray], rule: Rule) -> list[FloatArray]:
    """The curves as far as asynchronous halving would train them that pauses trials, and promotes the best of them."""
    search = Promotion(curves, rule, rungs(max(len(curve) for curve in curves)))
    for number in range(len(curves)):
        search.train(number)
        while (best := search.promotable()) is not None:
            search.train(best)
    while (best := search.to_finish()) is not None:
        search.train(best, to_end=True)
    return [curve[: search.reached[number]] for number, curve in enumerate(curves)]


@dataclass
class Promotion:
    """The trials at their rungs, as storage/promotion.py has them: `reached` is how many epochs each was trained."""

    curves: Sequence[FloatArray]
    rule: Rule
    rungs: Sequence[int]
    reached: dict[int, int] = field(default_factory=dict)
    paused: dict[int, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    came: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    went: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def train(self, number: int, *, to_end: bool = False) -> None:
        """Trains a new trial, or a paused one that is promoted, or to be finished, until it is paused or at its end."""
        curve, before = self.curves[number], self.reached.get(number, 0)
        if before:
            del self.paused[before][number]
            self.went[before] += not to_end
        for rung in self.rungs:
            if not before < rung < len(curve):
                continue
            self.came[rung] += 1
            if to_end:
                continue
            self.reached[number] = rung
            self.paused[rung][number] = self.rule(curve[:rung])
            if self.best_of(rung) != number:
                return
            del self.paused[rung][number]
            self.went[rung] += 1
        self.reached[number] = len(curve)

    def best_of(self, rung: int) -> int | None:
        """The best trial that is paused at a rung, if another one may go on from there."""
        if not self.paused[rung] or self.went[rung] >= self.came[rung] // REDUCTION:
            return None
        return max(self.paused[rung], key=lambda number: (self.paused[rung][number], -number))

    def promotable(self) -> int | None:
        """The trial that goes on next, from the last rung down."""
        found = (self.best_of(rung) for rung in reversed(self.rungs))
        return next((number for number in found if number is not None), None)

    def to_finish(self) -> int | None:
        """The best paused trial of those that came furthest, while too few are complete."""
        longest = max(len(curve) for curve in self.curves)
        complete = sum(epochs == longest for epochs in self.reached.values())
        last = self.came[self.rungs[-1]] if self.rungs else 0
        if complete >= max(FEWEST, math.ceil(last / REDUCTION)):
            return None
        for rung in reversed(self.rungs):
            if self.paused[rung]:
                return max(self.paused[rung], key=lambda number: (self.paused[rung][number], -number))
        return None


PRUNERS: Mapping[str, Pruner] = MappingProxyType({"none": unpruned, "asha-stop": stopped, "asha": promoted})


def that_fit(curves: Sequence[FloatArray], rule: Rule, pruner: Pruner, epochs: int) -> list[FloatArray]:
    """The curves, as far as they are trained, of as many of the first trials as can be had for these epochs."""
    fits, fewest, most = pruner(curves[:1], rule), 2, len(curves)
    while fewest <= most:
        trials = (fewest + most) // 2
        trained = pruner(curves[:trials], rule)
        if sum(map(len, trained)) <= epochs:
            fits, fewest = trained, trials + 1
        else:
            most = trials - 1
    return fits
