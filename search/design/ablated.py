"""What an ablation found so far: the path, the effects of its steps; and which trainings come next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from search.design.scores import Scores, table_of
from search.statistics.ablation import AblationAnswer, along, choose_path, estimate_path, next_round
from search.statistics.scores import ArmScores, BoolArray
from storage import Manifest
from storage.comparison import Comparison, DesignCell


@dataclass(frozen=True)
class Ablated:
    """The answer, and on how many replicates the path was chosen and its steps are estimated. `configurations` are the
    names of the arms along the path, as far as it is known.
    """

    answer: AblationAnswer
    chosen_on: int
    estimated_on: int
    configurations: tuple[str, ...]


def take_ablated(manifest: Manifest, comparison: Comparison, scores: Scores) -> Ablated:
    """What the study says."""
    choosing, replicates = choosing_half(comparison), comparison.last_look.replicates
    path = path_of(manifest, comparison, scores)
    answer = AblationAnswer(path)
    if len(path) == len(comparison.settings):
        answer = estimate_path(
            [estimating(scores.arms[arm], choosing) for arm in along(path)],
            path,
            [setting.name for setting in comparison.settings],
            comparison.margin,
            maximize=manifest.goal.maximize,
            level=comparison.last_look.level,
            seed=manifest.seed,
        )
    names = tuple(comparison.arms[arm].name for arm in along(path))
    return Ablated(answer, choosing, replicates - choosing, names)


def choosing_half(comparison: Comparison) -> int:
    """How many of the replicates choose the path: the first half."""
    return comparison.last_look.replicates // 2


def path_of(manifest: Manifest, comparison: Comparison, scores: Scores) -> tuple[int, ...]:
    """The path as far as its rounds are trained."""
    choosing = choosing_half(comparison)
    return choose_path(
        table_of(scores, choosing),
        trained(comparison, scores, choosing),
        len(comparison.settings),
        maximize=manifest.goal.maximize,
    )


def trained(comparison: Comparison, scores: Scores, replicates: int) -> BoolArray:
    """Whether each configuration has its first replicates, also where they failed."""
    done = np.zeros(len(comparison.arms), dtype=int)
    for one in scores.replicates:
        done[one.cell.arm] += one.cell.replicate < replicates
    return np.asarray(done == replicates)


def estimating(arm: ArmScores, choosing: int) -> ArmScores:
    """The arm with the replicates that had no part in choosing the path."""
    return replace(arm, scores={number: score for number, score in arm.scores.items() if number >= choosing})


def next_cells(manifest: Manifest, comparison: Comparison, scores: Scores) -> list[DesignCell]:
    """What to train next, replicate by replicate: the configurations of a round, or the path when it is known."""
    path, choosing = path_of(manifest, comparison, scores), choosing_half(comparison)
    if len(path) == len(comparison.settings):
        arms: Sequence[int] = along(path)
        replicates = range(choosing, comparison.last_look.replicates)
    else:
        _, arms = next_round(path, len(comparison.settings))
        replicates = range(choosing)
    return [DesignCell(arm, replicate) for replicate in replicates for arm in arms]


def is_estimation(comparison: Comparison, cells: Sequence[DesignCell]) -> bool:
    """Whether these are the last trainings: those that estimate the path."""
    return cells[0].replicate >= choosing_half(comparison)


def without_untrained(comparison: Comparison, scores: Scores) -> tuple[Comparison, Scores]:
    """The design and its scores without the configurations that no round has tried, renumbered. Most of them never will
    be.
    """
    tried = sorted({one.cell.arm for one in scores.replicates})
    place = {arm: number for number, arm in enumerate(tried)}
    arms = tuple(comparison.arms[arm] for arm in tried)
    return msgspec.structs.replace(comparison, arms=arms), replace(
        scores,
        arms=tuple(scores.arms[arm] for arm in tried),
        replicates=tuple(
            replace(one, cell=DesignCell(place[one.cell.arm], one.cell.replicate)) for one in scores.replicates
        ),
    )
