"""The tables and sentences of a measurement of noise: for the terminal, Markdown and the report alike."""

import math
from collections.abc import Iterator

from scipy import stats

from search.design.cell_text import points
from search.design.options import DEFAULT_SEEDS
from search.design.result import ComparisonResult
from search.statistics.intervals import CONFIDENCE
from search.statistics.noise import FACTORS, NoiseAnswer
from search.views.layout import TextTable
from search.views.number import score

WHAT = {
    "initialization": "initial weights and dropout",
    "split": "which images are for validation",
    "order": "order of the images, augmentation",
    "rest": "their interactions",
}
# How much a mean over replicates changes with each way of spending more, by the factor of trainings.
SEEDS_PER_SPLIT, MORE_IMAGES = 3, 4
# To be a third narrower, an interval takes this many times as many replicates.
A_THIRD_NARROWER = 9 / 4


def noise_tables(answer: NoiseAnswer) -> list[TextTable]:
    """Where the spread is from, and what more trainings would buy; none where all scores are equal."""
    if not answer.deviation:
        return []
    return [shares_table(answer), spending_table(answer)]


def shares_table(answer: NoiseAnswer) -> TextTable:
    """Each part of the variance."""
    return TextTable(
        "Where the spread is from; sd in points",
        ("from", "seeds of", "sd", "share of the variance", "95 % interval"),
        tuple(
            (
                one.name,
                WHAT[one.name],
                points(one.deviation).lstrip("+"),
                f"{one.share:.0%}",
                f"{one.interval.low:.0%} to {one.interval.high:.0%}",
            )
            for one in answer.shares
        ),
    )


def spending_table(answer: NoiseAnswer) -> TextTable:
    """How exactly one mean is known, with as many replicates as a comparison has, and with more of something."""
    return TextTable(
        "What more would buy: the 95 % interval of a mean, in points",
        ("replicates", "trainings", "interval"),
        tuple((name, str(trainings), f"± {points(half).lstrip('+')}") for name, trainings, half in spendings(answer)),
    )


def spendings(answer: NoiseAnswer) -> Iterator[tuple[str, int, float]]:
    """Ways of spending, how many trainings each takes, and half of the interval's width."""
    n, variance = DEFAULT_SEEDS, answer.deviation**2
    yield f"{n}, each with seeds of its own", n, half_width(variance, n)
    more = math.ceil(A_THIRD_NARROWER * n)
    yield f"{more}, a third narrower", more, half_width(variance, more)
    split = answer.deviation_of("split") ** 2
    averaged = split + (variance - split) / SEEDS_PER_SPLIT
    yield f"{n} splits, {SEEDS_PER_SPLIT} seeds in each", n * SEEDS_PER_SPLIT, half_width(averaged, n)
    if answer.validation is not None:
        less = variance * (1 - answer.validation * (1 - 1 / MORE_IMAGES))
        yield f"{n}, {MORE_IMAGES} times as many validation images", n, half_width(less, n)


def half_width(variance: float, n: int) -> float:
    """Half of the width of Student's interval of a mean of n values of that variance."""
    return float(stats.t.isf((1 - CONFIDENCE) / 2, n - 1) * math.sqrt(variance / n))


def noise_headline(result: ComparisonResult) -> str:
    """The spread, in one sentence."""
    (arm,) = result.comparison.arms
    state = "complete" if result.scores.complete else "not complete"
    begin = f"The measurement {result.study_name} of {arm.name} is {state}"
    if result.noise is None:
        return f"{begin}: there are too few trainings yet to tell where the spread is from."
    answer = result.noise
    if not answer.deviation:
        return f"{begin}: its {answer.n} trainings all score {score(answer.mean)}; there is no spread to divide."
    largest = max(answer.shares, key=lambda one: one.share)
    return (
        f"{begin}: {answer.n} trainings score {score(answer.mean)} on average, with a standard deviation of "
        f"{points(answer.deviation).lstrip('+')} points, {largest.share:.0%} of whose variance is from: "
        f"{WHAT[largest.name]}."
    )


def noise_sentences(result: ComparisonResult) -> Iterator[tuple[str, str]]:
    """Each part of the variance in words."""
    if result.noise is None:
        yield "There is no answer yet.", "It takes more trainings to tell where the spread is from."
        return
    if not result.noise.deviation:
        yield "All trainings score the same.", "There is no spread to divide."
        return
    for one in sorted(result.noise.shares, key=lambda share: -share.share):
        claim = f"{one.share:.0%} of the variance is from: {WHAT[one.name]}."
        interval = f"95 % interval {one.interval.low:.0%} to {one.interval.high:.0%}"
        yield claim, f"{interval}; a standard deviation of {points(one.deviation).lstrip('+')} points."


def noise_remarks(result: ComparisonResult) -> tuple[str, ...]:
    """How the tables are to be read."""
    answer = result.noise
    if answer is None or not answer.deviation:
        return ()
    known = (
        ()
        if answer.validation is None
        else (
            f"{answer.validation:.0%} of the variance is there because the validation images are only "
            f"{result.manifest.n_validation}, p(1-p)/n: each training errs on others, so that it is in all parts.",
        )
    )
    fixed = (
        ("The validation images came with the data: splits differ in their training images at most.",)
        if result.manifest.own_validation
        else ()
    )
    square = f"{', '.join(FACTORS[:-1])} and {FACTORS[-1]}"
    return (
        f"Each seed of {square} met each of the others once, in a Latin square. With so few trainings the intervals "
        "are wide. Differences of arms on common replicates have less of the split's part.",
        *known,
        *fixed,
    )
