"""The one look at the test images that a confirmation or a race allows itself: at its best arm's best model."""

import logging
from dataclasses import dataclass
from typing import Protocol

from search.design.confusion import Evaluator, best_of_arms
from search.errors import TrainerDied, TrainerUnavailable
from search.statistics import ArmSummary
from search.study.split_seed import split_seed
from search.study.test_score import ANSWER, CONFIRMATION, TestScore, record_look, stored_test_score
from storage import Manifest, SharedStudy
from storage.comparison import Comparison
from storage.errors import ArtifactError, StorageUsageError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ArmTest:
    """The test score of an arm's best model."""

    arm: str
    score: TestScore


class Confirmed(Protocol):
    """What a confirmation found, as far as it matters here."""

    @property
    def manifest(self) -> Manifest: ...

    @property
    def comparison(self) -> Comparison: ...

    @property
    def summaries(self) -> tuple[ArmSummary, ...]: ...


def measure_test(
    shared: SharedStudy, result: Confirmed, evaluator: Evaluator, arm_name: str | None = None, before: int = 0
) -> ArmTest | None:
    """The test score of the model of that arm, by default the one with the best mean, measured unless it was before,
    and stored; None, with a warning, where it can't be measured. `before` counts the looks that the search had.
    """
    best = best_of_arms(shared, result.comparison)
    arms = {slot.trial_number: arm for arm, slot in best}
    stored = stored_test_score(shared)
    if stored is not None:
        return ArmTest(arms.get(stored.trial, f"trial {stored.trial}"), stored)
    name = arm_name or best_arm(result)
    for arm, slot in best:
        if arm == name and slot.trial_number is not None:
            seed = split_seed(shared.manifest, slot.settings)
            return _measure(shared, evaluator, arm, slot.trial_number, seed, before)
    return None


def best_arm(result: Confirmed) -> str:
    """The name of the arm with the best mean."""
    means = {arm.name: result.manifest.goal.loss(arm.mean) for arm in result.summaries}
    return min(means, key=means.__getitem__)


def _measure(shared: SharedStudy, evaluator: Evaluator, arm: str, trial: int, seed: int, before: int) -> ArmTest | None:
    try:
        found = evaluator.evaluate(trial, seed, "test")
    except (ArtifactError, StorageUsageError, TrainerDied, TrainerUnavailable) as error:
        log.warning("no test score: %s", error)
        return None
    score = TestScore(trial, found.accuracy, found.loss, found.n, metrics=found.metrics, before=before)
    reason = ANSWER if shared.manifest.comparison and shared.manifest.comparison.kind == "race" else CONFIRMATION
    return ArmTest(arm, record_look(shared, score, reason))
