"""What a comparison says so far, as one record."""

import math
from dataclasses import dataclass

from search.design.ablated import Ablated, take_ablated, without_untrained
from search.design.confusion import Confusion
from search.design.curves import ArmCurves, arm_curves
from search.design.raced import race_answer, take_race
from search.design.reported import ReportedMeans, reported_means
from search.design.scores import Scores, gather_scores
from search.design.screened import Screened, take_screened
from search.design.test_score import ArmTest
from search.errors import SearchFailed
from search.statistics import Answer, ArmSummary, compare
from search.statistics.comparing import summarize
from search.statistics.noise import NoiseAnswer, measure_noise
from search.statistics.race import Race
from search.statistics.scores import FEWEST_REPLICATES, exact, missing, most_in_common
from search.study.race_answer import RaceAnswer
from search.study.trial_attributes import TrialAttributes
from search.workers.settle import STATES
from storage import Manifest, SharedStudy
from storage.comparison import Comparison, PlannedLook

# The kinds that compare pairs of arms.
OF_PAIRS = frozenset({"comparison", "confirmation"})


@dataclass(frozen=True)
class ComparisonResult:
    """The answer at a look, and what it rests on. `answer` is None for fewer than two arms, while no two arms have two
    replicates in common, and for a screening, an ablation, a measurement of noise or a race, which have `screened`,
    `ablated`, `noise`, or `race` and, in other words, `raced` instead. Of an ablation, `comparison` and `scores` have
    the configurations that were trained. `devices` are those on which trials ran. `test` is there when a confirmation
    or a race is complete. `reported` are the metrics next to the objective, by arm.
    """

    study_name: str
    manifest: Manifest
    comparison: Comparison
    look: PlannedLook
    scores: Scores
    summaries: tuple[ArmSummary, ...]
    answer: Answer | None
    curves: tuple[ArmCurves, ...]
    devices: tuple[str, ...]
    stop_reason: str | None
    confusions: tuple[Confusion, ...] = ()
    test: ArmTest | None = None
    screened: Screened | None = None
    ablated: Ablated | None = None
    noise: NoiseAnswer | None = None
    race: Race | None = None
    raced: RaceAnswer | None = None
    reported: tuple[ReportedMeans, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether every pair, or every setting, is decided, or a race over: another look would add nothing."""
        if self.screened is not None:
            return self.screened.answer.decided
        if self.ablated is not None:
            return self.ablated.answer.decided
        if self.race is not None:
            return self.race.end is not None
        return self.answer is not None and self.answer.decided


def take_result(shared: SharedStudy, look: PlannedLook) -> ComparisonResult:
    """What the study says at that look."""
    manifest, comparison = shared.manifest, shared.manifest.comparison
    if comparison is None:
        raise ValueError(f"the study {shared.name} isn't a comparison")
    kind = comparison.kind
    scores = gather_scores(manifest, comparison, shared.ledger.slots(), look.replicates)
    ablated = take_ablated(manifest, comparison, scores) if kind == "ablation" else None
    if ablated is not None:
        comparison, scores = without_untrained(comparison, scores)
    summaries = tuple(map(summarize, scores.arms, missing(scores.arms)))
    curves = shared.ledger.curves()
    race = take_race(manifest, comparison, scores, look) if kind == "race" else None
    return ComparisonResult(
        study_name=shared.name,
        manifest=manifest,
        comparison=comparison,
        look=look,
        scores=scores,
        summaries=summaries,
        answer=answer_of(manifest, scores, comparison, look.level) if kind in OF_PAIRS else None,
        curves=arm_curves(comparison, scores.replicates, curves),
        devices=devices(shared),
        stop_reason=shared.ledger.stop_reason(),
        screened=take_screened(shared, comparison, scores, look) if kind == "screening" else None,
        ablated=ablated,
        noise=noise_of(manifest, comparison, scores) if kind == "noise" else None,
        race=race,
        raced=None if race is None else race_answer(shared, comparison, scores, summaries, race),
        reported=reported_means(manifest, comparison, scores.replicates, curves),
    )


def noise_of(manifest: Manifest, comparison: Comparison, scores: Scores) -> NoiseAnswer | None:
    """Where the spread of the one arm's trainings is from; None while there are too few."""
    (arm,) = scores.arms
    exact_scores = {cell: exact(arm, score) for cell, score in arm.scores.items()}
    seeds = math.isqrt(comparison.last_look.replicates)
    return measure_noise(exact_scores, seeds, images=arm.images, seed=manifest.seed)


def answer_of(manifest: Manifest, scores: Scores, comparison: Comparison, level: float) -> Answer | None:
    """The answer of the statistics, if there is enough for one."""
    if most_in_common(scores.arms) < FEWEST_REPLICATES:
        return None
    share = None if manifest.own_validation else manifest.n_validation / manifest.n_train  # where splits were drawn
    return compare(
        scores.arms,
        comparison.margin,
        maximize=manifest.goal.maximize,
        level=level,
        seed=manifest.seed,
        test_share=share,
        anytime=comparison.anytime,
    )


def devices(shared: SharedStudy) -> tuple[str, ...]:
    """The devices on which the study's trials ran."""
    trials = shared.trials.all(set(STATES.values()))
    found = {TrialAttributes.of(trial.user_attrs).device for trial in trials}
    return tuple(sorted(device for device in found if device is not None))


def require_scores(result: ComparisonResult) -> None:
    """Raises SearchFailed if no replicate has a score, with the reasons."""
    if any(arm.scores for arm in result.scores.arms):
        return
    reasons = dict.fromkeys(failure.reason for failure in result.scores.failed)
    words = "; ".join(reasons) or result.stop_reason or "nothing has been trained yet"
    raise SearchFailed(f"the comparison {result.study_name} has no scores: {words}")
