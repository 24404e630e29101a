"""What a screening found: the effect of each setting, and the cheapest configuration that keeps what matters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from search.design.measured_cost import MeasuredCost, cheapest, measured_cost, trainings
from search.design.scores import Scores, table_of
from search.statistics import Verdict
from search.statistics.screening import Effect, ScreeningAnswer, screen
from spaces.configuration import Scalar
from storage import SharedStudy
from storage.comparison import Comparison, PlannedLook, TwoLevels

Why = Literal["better", "cheaper", "no_worse", "undecided"]


@dataclass(frozen=True)
class Recommended:
    """A setting of the cheapest configuration that keeps what matters, and why: the value is better; or it doesn't
    matter, and this one is cheaper; or it is undecided, and this one is no worse than the other within the margin;
    or nothing is known of it, and it stays as at the high levels.
    """

    name: str
    value: Scalar
    why: Why


@dataclass(frozen=True)
class Goal:
    """What a setting may cost: differences within `margin`, in the scores' unit, don't matter; `maximize` says whether
    higher scores are better.
    """

    margin: float
    maximize: bool


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
    goal = Goal(comparison.margin, manifest.goal.maximize)
    return Screened(answer, tuple(recommend(setting, effect, costs[setting.name], goal) for setting, effect in pairs))


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


def recommend(setting: TwoLevels, effect: Effect, costs: tuple[MeasuredCost, MeasuredCost], goal: Goal) -> Recommended:
    """The value of one setting."""
    match effect.verdict:
        case Verdict.BETTER:
            return Recommended(setting.name, setting.high, "better")
        case Verdict.WORSE:
            return Recommended(setting.name, setting.low, "better")
        case Verdict.UNDECIDED:
            return recommend_undecided(setting, effect, costs, goal)
        case Verdict.EQUIVALENT:
            return Recommended(setting.name, (setting.low, setting.high)[cheapest(costs)], "cheaper")
    assert_never(effect.verdict)


def recommend_undecided(
    setting: TwoLevels, effect: Effect, costs: tuple[MeasuredCost, MeasuredCost], goal: Goal
) -> Recommended:
    """The cheapest level that, as far as the corrected interval goes, isn't worse than the other by more than the
    margin; where that can't be said of either, the high one.
    """
    span = effect.corrected
    most_lost_by_low, most_lost_by_high = (span.high, -span.low) if goal.maximize else (-span.low, span.high)
    levels = (setting.low, setting.high)
    match most_lost_by_low <= goal.margin, most_lost_by_high <= goal.margin:
        case True, True:
            return Recommended(setting.name, levels[cheapest(costs)], "no_worse")
        case True, False:
            return Recommended(setting.name, setting.low, "no_worse")
        case False, True:
            return Recommended(setting.name, setting.high, "no_worse")
        case _:
            return Recommended(setting.name, setting.high, "undecided")
