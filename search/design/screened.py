"""What a screening found: the effect of each setting, and the cheapest configuration that keeps what matters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from search.design.measured_cost import MeasuredCost, cheapest, measured_cost, trainings
from search.design.scores import Scores
from search.statistics import Verdict
from search.statistics.screening import Effect, ScreeningAnswer, screen
from spaces.configuration import Scalar
from storage import SharedStudy
from storage.comparison import Comparison, PlannedLook, TwoLevels

Why = Literal["better", "cheaper", "undecided"]


@dataclass(frozen=True)
class Recommended:
    """A setting of the cheapest configuration that keeps what matters, and why: the value is better; or it doesn't
    matter, and this one is cheaper; or it is undecided, and stays as at the high levels.
    """

    name: str
    value: Scalar
    why: Why


@dataclass(frozen=True)
class Screened:
    """The answer of a screening and what it recommends: nothing while effects can't be estimated."""

    answer: ScreeningAnswer
    recommended: tuple[Recommended, ...]


def take_screened(shared: SharedStudy, comparison: Comparison, scores: Scores, look: PlannedLook) -> Screened:
    """What the study says at that look."""
    manifest = shared.manifest
    answer = screen(
        table_of(scores, look.replicates),
        [setting.name for setting in comparison.settings],
        comparison.margin,
        maximize=manifest.goal.maximize,
        level=look.level,
    )
    costs = level_costs(shared, comparison, scores)
    pairs = zip(comparison.settings, answer.effects, strict=False)
    return Screened(answer, tuple(recommend(setting, effect, costs[setting.name]) for setting, effect in pairs))


def table_of(scores: Scores, replicates: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The scores by replicate and configuration, NaN where there is none."""
    rows = [[arm.scores.get(replicate, np.nan) for arm in scores.arms] for replicate in range(replicates)]
    return np.array(rows, dtype=np.float64)


def level_costs(
    shared: SharedStudy, comparison: Comparison, scores: Scores
) -> Mapping[str, tuple[MeasuredCost, MeasuredCost]]:
    """For each setting what configurations cost at its low level and at its high one."""
    trained = trainings(shared, scores)
    found = dict[str, tuple[MeasuredCost, MeasuredCost]]()
    for setting in comparison.settings:
        sides = [
            [known for one, known in trained if comparison.arms[one.cell.arm].params[setting.name] == value]
            for value in (setting.low, setting.high)
        ]
        low, high = map(measured_cost, sides)
        found[setting.name] = (low, high)
    return found


def recommend(setting: TwoLevels, effect: Effect, costs: tuple[MeasuredCost, MeasuredCost]) -> Recommended:
    """The value of one setting."""
    match effect.verdict:
        case Verdict.BETTER:
            return Recommended(setting.name, setting.high, "better")
        case Verdict.WORSE:
            return Recommended(setting.name, setting.low, "better")
        case Verdict.UNDECIDED:
            return Recommended(setting.name, setting.high, "undecided")
        case Verdict.EQUIVALENT:
            return Recommended(setting.name, (setting.low, setting.high)[cheapest(costs)], "cheaper")
    assert_never(effect.verdict)
