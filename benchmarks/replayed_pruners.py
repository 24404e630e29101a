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


@dataclass(frozen=True)
class Curve:
    """The scores of a training by epoch, as it was recorded. It has fewer than the search's `epochs` if its
    configuration stopped it early, or if it diverged. `kept` is the epoch, counted from 1, to whose model it went back
    in the end, None if to none.
    """

    scores: FloatArray
    epochs: int
    diverged: bool = False
    kept: int | None = None

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def final(self) -> float:
        """The score of the model that it keeps."""
        return float(self.scores[-1 if self.kept is None else self.kept - 1])

    def value(self, rule: Rule) -> float:
        """Its value in a search once it is complete."""
        return rule(self.scores[: self.kept])


@dataclass(frozen=True)
class Trained:
    """How many epochs of a curve were trained."""

    curve: Curve
    epochs: int

    @property
    def complete(self) -> bool:
        """Whether it was trained to its end, be that an early one, and has a value."""
        return self.epochs == len(self.curve) and not self.curve.diverged


Pruner = Callable[[Sequence[Curve], Rule], list[Trained]]


def rungs(epochs: int) -> list[int]:
    """The epochs after which a trial may be stopped or paused."""
    first = max(1, epochs // GRACE)
    count = int(math.log(epochs / first) / math.log(REDUCTION)) + 1
    return [first * REDUCTION**power for power in range(count) if first * REDUCTION**power < epochs]


def unpruned(curves: Sequence[Curve], _rule: Rule) -> list[Trained]:
    """The whole curves."""
    return [Trained(curve, len(curve)) for curve in curves]


def stopped(curves: Sequence[Curve], rule: Rule) -> list[Trained]:
    """The curves as far as asynchronous halving would train them that stops trials for good."""
    seen: dict[int, list[float]] = {rung: [] for rung in rungs(curves[0].epochs)}
    trained = list[Trained]()
    for curve in curves:
        end = len(curve)
        for rung, values in seen.items():
            if rung >= len(curve):
                break
            value = rule(curve.scores[:rung])
            values.append(value)
            if sum(other > value for other in values) >= max(1, len(values) // REDUCTION):
                end = rung
                break
        trained.append(Trained(curve, end))
    return trained


def promoted(curves: Sequence[Curve], rule: Rule) -> list[Trained]:
    """The curves as far as asynchronous halving would train them that pauses trials, and promotes the best of them."""
    search = Promotion(curves, rule, rungs(curves[0].epochs))
    for number in range(len(curves)):
        search.train(number)
        while (best := search.promotable()) is not None:
            search.train(best)
    while (best := search.to_finish()) is not None:
        search.train(best, to_end=True)
    return [Trained(curve, search.reached[number]) for number, curve in enumerate(curves)]


@dataclass
class Promotion:
    """The trials at their rungs, as storage/promotion.py has them: `reached` is how many epochs each was trained."""

    curves: Sequence[Curve]
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
            self.paused[rung][number] = self.rule(curve.scores[:rung])
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
        complete = sum(Trained(self.curves[number], epochs).complete for number, epochs in self.reached.items())
        last = self.came[self.rungs[-1]] if self.rungs else 0
        if complete >= max(FEWEST, math.ceil(last / REDUCTION)):
            return None
        for rung in reversed(self.rungs):
            if self.paused[rung]:
                return max(self.paused[rung], key=lambda number: (self.paused[rung][number], -number))
        return None


PRUNERS: Mapping[str, Pruner] = MappingProxyType({"none": unpruned, "asha-stop": stopped, "asha": promoted})


def that_fit(curves: Sequence[Curve], rule: Rule, pruner: Pruner, epochs: int) -> list[Trained]:
    """The curves, as far as they are trained, of as many of the first trials as can be had for these epochs."""
    fits, fewest, most = pruner(curves[:1], rule), 2, len(curves)
    while fewest <= most:
        trials = (fewest + most) // 2
        trained = pruner(curves[:trials], rule)
        if sum(each.epochs for each in trained) <= epochs:
            fits, fewest = trained, trials + 1
        else:
            most = trials - 1
    return fits
