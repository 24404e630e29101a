"""From the flags of `search.explain --ablation` to its plan: the path between two points of a space."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from search.design.arms import design_of, without_shared_early_stopping
from search.design.axis import SpaceArm
from search.design.base import BaseParameters
from search.design.cells import cell, level_values, signs
from search.design.options import LEVEL, POINT, ExplainOptions
from search.design.plan import ComparisonPlan, ComparisonSetting, make_comparison_plan
from search.errors import UsageError
from search.statistics.ablation import MOST_SETTINGS, trainings_at_most
from search.statistics.permutation import fewest_replicates
from search.statistics.scores import FEWEST_REPLICATES, IntArray
from spaces.space import Space
from storage.comparison import Comparison, PlannedLook, TwoLevels


def make_ablation(
    options: ExplainOptions,
    setting: ComparisonSetting,
    bases: tuple[BaseParameters, ...],
    settings: tuple[TwoLevels, ...],
    origin: str | None,
) -> ComparisonPlan:
    """The plan of an ablation of these settings.

    Raises:
        UsageError: too many settings, or too few replicates.
    """
    if len(settings) > MOST_SETTINGS:
        names = ", ".join(one.name for one in settings)
        raise UsageError(
            f"--ablation takes at most {MOST_SETTINGS} settings, and these are {len(settings)}: {names}; choose some "
            "with --settings, for instance those that search.explain without --ablation found to matter"
        )
    replicates = wanted_replicates(options, len(settings))
    comparison = Comparison(
        kind="ablation",
        question=f"Which settings of {setting.source.space.name} make the difference, one after the other?",
        arms=tuple(map(design_of, without_shared_early_stopping(every_cell(setting.source.space, settings, bases)))),
        margin=options.margin * POINT,
        looks=(PlannedLook(replicates, LEVEL),),
        at=" and ".join(base.name for base in bases),
        origin=origin,
        settings=settings,
    )
    note = (
        f"{trainings_at_most(len(settings), replicates)} trainings: {replicates // 2} replicates choose the path, "
        f"{replicates - replicates // 2} others estimate its steps"
    )
    ablation = replace(setting, study_name=setting.study_name.removesuffix("explain") + "ablation")
    return make_comparison_plan(options, ablation, comparison, (note,))


def wanted_replicates(options: ExplainOptions, settings: int) -> int:
    """The number of replicates: half of them choose, and the others are enough to decide about every step.

    Raises:
        UsageError: fewer than two for either half.
    """
    replicates = options.seeds or 2 * fewest_replicates(settings, LEVEL)
    if replicates < 2 * FEWEST_REPLICATES:
        raise UsageError(
            f"--seeds {replicates}: half of the replicates choose the path and the others estimate it; give "
            f"{2 * FEWEST_REPLICATES} or more"
        )
    return replicates


def every_cell(space: Space, settings: Sequence[TwoLevels], bases: Sequence[BaseParameters]) -> tuple[SpaceArm, ...]:
    """All configurations that a path may lead through: bit i of the number says whether setting i is high. A setting
    that isn't asked for in one of them does nothing there.
    """
    rows = [row_of(number, len(settings)) for number in range(1 << len(settings))]
    return tuple(cell(space, signs(row), level_values(settings, row), bases) for row in rows)


def row_of(number: int, settings: int) -> IntArray:
    """The levels of a configuration: -1 low, 1 high."""
    return np.array([1 if number >> place & 1 else -1 for place in range(settings)])
