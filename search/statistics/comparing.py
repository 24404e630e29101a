"""From scores to the answer: the one door to the statistics of this package."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.errors import UsageError
from search.statistics.answer import Answer, ArmSummary, PairAnswer
from search.statistics.anytime import anytime_interval, decide_anytime, fewest_anytime, weigh_anytime
from search.statistics.intervals import (
    ConfidenceInterval,
    bootstrap_interval,
    deviation,
    new_data_interval,
    share_interval,
    student_interval,
)
from search.statistics.permutation import fewest_replicates
from search.statistics.planning import Estimate, Levels, estimate
from search.statistics.scores import (
    FEWEST_REPLICATES,
    ArmScores,
    FloatArray,
    check_arms,
    differences,
    missing,
    pairs,
    step_of,
)
from search.statistics.verdict import Decision, Evidence, Verdict, decide, weigh

LEVEL = 0.05
LARGEST_LEVEL = 0.5


@dataclass(frozen=True)
class Paired:
    """Two arms: their names, their differences by replicate, what these say by themselves, the interval of their mean,
    the bootstrap's, and that of the expected score on new data.
    """

    first: str
    second: str
    values: FloatArray
    evidence: Evidence
    interval: ConfidenceInterval | None
    bootstrap: ConfidenceInterval | None
    new_data: ConfidenceInterval | None


def compare(
    arms: Sequence[ArmScores],
    margin: float,
    *,
    maximize: bool = True,
    level: float = LEVEL,
    seed: int = 0,
    test_share: float | None = None,
    anytime: bool = False,
) -> Answer:
    """The answer to which arms differ by more than matters.

    `margin` is the smallest difference that matters, in the scores' unit: 0.005 is half a point of accuracy. A
    comparison that is looked at once is judged at level 0.05; each look of one that is looked at several times, at the
    level of its `Look`. The seed is the resampling's: the same seed and scores give the same answer. Where each
    replicate draws its own split, `test_share` is the number of images that a score is of by that of training images.

    An `anytime` answer holds at its level over all looks, taken whenever and for whatever reason: by e-processes, and
    without a bootstrap or an estimate of how many replicates would decide.

    Raises:
        UsageError: the arms can't be compared (see `check_arms`), the margin isn't positive, or the level isn't between
            0 and 0.5, or too small for any test of this many pairs.
    """
    check_arms(arms)
    check_margin(margin)
    check_level(level)
    couples = pairs(arms)
    fewest = fewest_anytime(len(couples), level) if anytime else fewest_replicates(len(couples), level)
    paired = [
        pair_up_anytime(first, second, margin, test_share)
        if anytime
        else pair_up(first, second, margin, np.random.default_rng([seed, place]), test_share)
        for place, (first, second) in enumerate(couples)
    ]
    evidence = [pair.evidence for pair in paired]
    values = [pair.values for pair in paired]
    decision = decide_anytime(values, evidence, margin, level) if anytime else decide(evidence, margin, level)
    return Answer(
        arms=tuple(summarize(arm, lacking) for arm, lacking in zip(arms, missing(arms), strict=True)),
        pairs=tuple(
            answer_pair(pair, decision, place, None if anytime else margin, maximize=maximize)
            for place, pair in enumerate(paired)
        ),
        margin=margin,
        level=level,
        fewest=fewest,
    )


def check_margin(margin: float) -> None:
    """Whether a margin is one.

    Raises:
        UsageError: it isn't.
    """
    if not (math.isfinite(margin) and margin > 0):
        raise UsageError(f"the margin is {margin}: it must be a positive number, the smallest difference that matters")


def check_level(level: float) -> None:
    """Whether a level is one.

    Raises:
        UsageError: it isn't.
    """
    if not 0 < level < LARGEST_LEVEL:
        raise UsageError(f"the level is {level}: it must lie between 0 and {LARGEST_LEVEL}; 0.05 is usual")


def pair_up(
    first: ArmScores, second: ArmScores, margin: float, rng: np.random.Generator, test_share: float | None = None
) -> Paired:
    """Two arms' differences and what they say."""
    values = differences(first, second)
    evidence = weigh(values, margin, rng, step=step_of(first, second))
    new_data = None if test_share is None else new_data_interval(values, test_share)
    bootstrap = bootstrap_interval(values, rng)
    return Paired(first.name, second.name, values, evidence, student_interval(values), bootstrap, new_data)


def pair_up_anytime(first: ArmScores, second: ArmScores, margin: float, test_share: float | None = None) -> Paired:
    """As `pair_up`, with what holds at any time."""
    values = differences(first, second)
    new_data = None if test_share is None else new_data_interval(values, test_share)
    interval = anytime_interval(values, margin)
    return Paired(first.name, second.name, values, weigh_anytime(values, margin), interval, None, new_data)


def summarize(arm: ArmScores, lacking: tuple[int, ...]) -> ArmSummary:
    """One arm's mean and spread."""
    values = np.array([arm.scores[replicate] for replicate in sorted(arm.scores)], dtype=np.float64)
    interval = student_interval(values) if arm.images is None else share_interval(values, arm.images)
    return ArmSummary(arm.name, values.size, mean_of(values), deviation_of(values), interval, lacking)


def answer_pair(pair: Paired, decision: Decision, place: int, margin: float | None, *, maximize: bool) -> PairAnswer:
    """One pair's part of the decision, which has its place there; with an estimate if that is given the margin."""
    able = pair.values.size >= FEWEST_REPLICATES
    verdict = verdict_at(decision, place, maximize=maximize)
    return PairAnswer(
        first=pair.first,
        second=pair.second,
        n=pair.values.size,
        difference=mean_of(pair.values),
        deviation=deviation_of(pair.values),
        interval=pair.interval,
        bootstrap=pair.bootstrap,
        new_data=pair.new_data,
        p=float(pair.evidence.p_difference),
        p_corrected=float(decision.p_difference[place]),
        corrected=interval_at(decision, place) if able and has_ends(decision, place) else None,
        p_equivalence=float(decision.p_equivalence[place]),
        verdict=verdict,
        estimate=estimate_at(place, pair, decision, margin)
        if able and margin is not None and verdict is Verdict.UNDECIDED
        else None,
    )


def mean_of(values: FloatArray) -> float | None:
    """The mean of values, if there are any."""
    return float(values.mean()) if values.size else None


def deviation_of(values: FloatArray) -> float | None:
    """The standard deviation of the distribution that the values were drawn from, if two or more allow an estimate."""
    return float(deviation(values)) if values.size >= FEWEST_REPLICATES else None


def verdict_at(decision: Decision, place: int, *, maximize: bool) -> Verdict:
    """The verdict on the pair that has this place in the decision."""
    if decision.equivalent[place]:
        return Verdict.EQUIVALENT
    if decision.higher[place]:
        return Verdict.BETTER if maximize else Verdict.WORSE
    if decision.lower[place]:
        return Verdict.WORSE if maximize else Verdict.BETTER
    return Verdict.UNDECIDED


def has_ends(decision: Decision, place: int) -> bool:
    """Whether the corrected interval of the pair that has this place in the decision is finite."""
    return bool(np.isfinite([decision.low[place], decision.high[place]]).all())


def interval_at(decision: Decision, place: int) -> ConfidenceInterval:
    """The corrected interval of the pair that has this place in the decision."""
    return ConfidenceInterval(
        float(decision.low[place]), float(decision.high[place]), float(decision.confidence[place])
    )


def estimate_at(place: int, pair: Paired, decision: Decision, margin: float) -> Estimate:
    """How many replicates would probably decide the pair that has this place in the decision."""
    levels = Levels(
        difference=float(1 - decision.confidence[place]), equivalence=float(1 - decision.within_confidence[place]) / 2
    )
    return estimate(float(pair.values.mean()), float(deviation(pair.values)), margin, levels, n=pair.values.size)
