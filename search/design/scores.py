"""From a comparison's slots to the scores of its arms: what a trial that diverged or failed counts.

Training that diverges is something that an arm does. Left out, it would flatter the arm, so it counts as guessing: the
score that a network without any training has on average, 1/classes as accuracy, ln(classes) as loss. A trial that
failed (a crash, memory, time) says something of the machine, not of the arm: its replicate is left out of the arm's
pairs. Both are counted and named.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from search.statistics import ArmScores
from search.statistics.scores import FloatArray
from storage import Manifest
from storage.comparison import Comparison, DesignCell
from storage.records import SlotRow


@dataclass(frozen=True)
class FailedReplicate:
    """A replicate of an arm that didn't complete, and why."""

    arm: str
    replicate: int
    reason: str


@dataclass(frozen=True)
class Replicate:
    """A done slot: its cell of the design, its number, its trial, and the score that counts; None if none does."""

    cell: DesignCell
    slot: int
    trial: int | None
    score: float | None
    failure: FailedReplicate | None = None


@dataclass(frozen=True)
class Scores:
    """What a comparison has measured so far, of the replicates that a look is about. `open` slots aren't done yet."""

    arms: tuple[ArmScores, ...]
    replicates: tuple[Replicate, ...]
    diverged: tuple[FailedReplicate, ...]
    failed: tuple[FailedReplicate, ...]
    open: int

    @property
    def complete(self) -> bool:
        """Whether every replicate is done."""
        return self.open == 0


def gather_scores(manifest: Manifest, comparison: Comparison, slots: Sequence[SlotRow], replicates: int) -> Scores:
    """The scores of the first `replicates` replicates. Of a race or an ablation only those are to come that have slots:
    arms leave the one, and most configurations aren't on the path of the other.
    """
    wanted = [slot for slot in slots if slot.slot < comparison.slots_of(replicates)]
    done = [replicate_of(manifest, comparison, slot) for slot in wanted if slot.outcome is not None]
    failures = [replicate for replicate in done if replicate.failure is not None]
    images = manifest.n_validation if manifest.goal.is_share else None
    return Scores(
        arms=tuple(
            ArmScores(arm.name, dict(scores_of(done, number)), images) for number, arm in enumerate(comparison.arms)
        ),
        replicates=tuple(done),
        diverged=tuple(one.failure for one in failures if one.failure and one.score is not None),
        failed=tuple(one.failure for one in failures if one.failure and one.score is None),
        open=(len(wanted) if comparison.kind in ("race", "ablation") else comparison.slots_of(replicates)) - len(done),
    )


def replicate_of(manifest: Manifest, comparison: Comparison, slot: SlotRow) -> Replicate:
    """What a done slot says."""
    cell, outcome = comparison.cell(slot.slot), slot.outcome
    if outcome is None:
        raise ValueError(f"slot {slot.slot} isn't done")
    if outcome.state == "complete":
        return Replicate(cell, slot.slot, slot.trial_number, outcome.value)
    name = comparison.arm_of(slot.slot).name
    failure = FailedReplicate(name, cell.replicate, outcome.reason or outcome.state)
    score = manifest.guess if outcome.state == "diverged" else None
    return Replicate(cell, slot.slot, slot.trial_number, score, failure)


def scores_of(done: Sequence[Replicate], arm: int) -> Iterator[tuple[int, float]]:
    """The scores of one arm, by replicate."""
    for replicate in done:
        if replicate.cell.arm == arm and replicate.score is not None:
            yield replicate.cell.replicate, replicate.score


def table_of(scores: Scores, replicates: int) -> FloatArray:
    """The scores by replicate and configuration, NaN where there is none."""
    rows = [[arm.scores.get(replicate, np.nan) for arm in scores.arms] for replicate in range(replicates)]
    return np.array(rows, dtype=np.float64)
