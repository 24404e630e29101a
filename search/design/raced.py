"""What a race found: who is left, which is recommended, what it gains, what to expect of it."""

from collections.abc import Mapping, Sequence

from search.design.extending import total_level
from search.design.measured_cost import MeasuredCost, cheapest, measured_cost, trainings
from search.design.scores import Scores
from search.statistics import ArmSummary
from search.statistics.intervals import ConfidenceInterval, student_interval
from search.statistics.looks import Look
from search.statistics.race import Race, RaceEnd, race
from search.statistics.scores import FEWEST_REPLICATES, ArmScores, differences, most_in_common
from search.study.race_answer import Candidate, Gain, RaceAnswer, Reference, Span, Why
from storage import Manifest, SharedStudy
from storage.comparison import Comparison, PlannedLook

ENDS: Mapping[RaceEnd, Why] = {RaceEnd.ONE_LEFT: "one left", RaceEnd.EQUIVALENT: "equivalent", RaceEnd.SPENT: "spent"}


def take_race(manifest: Manifest, comparison: Comparison, scores: Scores, look: PlannedLook) -> Race | None:
    """The race as it is at that look, None while no two candidates have two replicates in common."""
    racing = [arm for arm in scores.arms if arm.name in comparison.candidates]
    if most_in_common(racing) < FEWEST_REPLICATES:
        return None
    looks = [Look(one.replicates, one.level) for one in comparison.looks]
    return race(
        racing,
        looks,
        comparison.margin,
        taken=1 + comparison.looks.index(look),
        maximize=manifest.goal.maximize,
        seed=manifest.seed,
        anytime=comparison.anytime,
    )


def race_answer(
    shared: SharedStudy, comparison: Comparison, scores: Scores, summaries: Sequence[ArmSummary], raced: Race
) -> RaceAnswer:
    """What the race says when it is over."""
    costs = arm_costs(shared, comparison, scores)
    means = {one.name: one for one in summaries}
    candidates = tuple(
        candidate(arm.name, arm.selected, means[arm.name], costs[arm.name], left=arm.name in raced.left)
        for arm in comparison.arms
        if arm.selected is not None
    )
    recommended = recommend([one for one in candidates if one.left])
    sign = 1 if shared.manifest.goal.maximize else -1
    mean, interval = recommended.mean, means[recommended.name].interval
    optimism = None if mean is None else sign * (recommended.selected - mean)
    return RaceAnswer(
        study_name=shared.name,
        trials=comparison.trials or 0,
        candidates=candidates,
        recommended=recommended.name,
        gain=gain(comparison, scores, recommended.name, sign),
        optimism=optimism,
        optimism_interval=None if interval is None else turned(interval, recommended.selected, sign),
        replicates=raced.replicates,
        trainings=len(scores.replicates),
        margin=comparison.margin,
        end=ENDS[raced.end or RaceEnd.SPENT],
        level=total_level(comparison, comparison.last_look),
        reference=next((reference(one) for one in summaries if one.name not in comparison.candidates), None),
    )


def candidate(name: str, selected: float, summary: ArmSummary, cost: MeasuredCost, *, left: bool) -> Candidate:
    """One of the race's candidates."""
    return Candidate(
        name=name,
        selected=selected,
        n=summary.n,
        mean=summary.mean,
        interval=span_of(summary.interval),
        left=left,
        parameters=None if cost.parameters is None else round(cost.parameters),
        epoch_seconds=cost.epoch_seconds,
    )


def reference(summary: ArmSummary) -> Reference:
    """The arm that isn't a candidate."""
    return Reference(summary.name, summary.n, summary.mean, span_of(summary.interval))


def span_of(interval: ConfidenceInterval | None) -> Span | None:
    """The interval of a mean, as answers have it."""
    return None if interval is None else Span(interval.low, interval.high)


def arm_costs(shared: SharedStudy, comparison: Comparison, scores: Scores) -> Mapping[str, MeasuredCost]:
    """What each arm's trainings cost."""
    trained = trainings(shared, scores)
    return {
        arm.name: measured_cost([known for one, known in trained if one.cell.arm == number])
        for number, arm in enumerate(comparison.arms)
    }


def recommend(left: Sequence[Candidate]) -> Candidate:
    """The cheapest of those that are left; of several, the one that the search ranked highest. Neither has to do with
    the scores of the race, so that the choice doesn't flatter.
    """
    return left[cheapest([MeasuredCost(one.parameters, one.epoch_seconds) for one in left])]


def gain(comparison: Comparison, scores: Scores, recommended: str, sign: int) -> Gain | None:
    """How much better the recommended candidate is than the reference; None without one, or if it is the reference, or
    they have fewer than two replicates in common.
    """
    arms: Mapping[str, ArmScores] = {arm.name: arm for arm in scores.arms}
    if comparison.reference is None or comparison.reference == recommended:
        return None
    values = sign * differences(arms[recommended], arms[comparison.reference])
    interval = student_interval(values)
    if interval is None:
        return None
    return Gain(comparison.reference, float(values.mean()), Span(interval.low, interval.high), values.size)


def turned(interval: ConfidenceInterval, selected: float, sign: int) -> Span:
    """The interval of the optimism, from that of the mean."""
    ends = sorted(sign * (selected - end) for end in (interval.low, interval.high))
    return Span(*ends)
