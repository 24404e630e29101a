"""The answer of a comparison in sentences, in the units of the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass

from search.comparison import Interval, PairAnswer, Verdict
from search.comparison.wording import why_undecided
from search.design.options import POINT
from search.design.result import Result
from search.design.tables import (
    added_remarks,
    failure_remarks,
    images_and_training,
    open_remarks,
    p_value,
    points,
    scope_remarks,
    test_remarks,
)

KINDS = {"comparison": "Report on a comparison", "confirmation": "Report on a confirmation"}
TIED = "\N{NO-BREAK SPACE}"
WORDS = {
    Verdict.BETTER: "{} is better than {}",
    Verdict.WORSE: "{} is worse than {}",
    Verdict.EQUIVALENT: "{} and {} are equivalent: they differ by less than {} points, which was said to matter",
}


@dataclass(frozen=True)
class Sentence:
    """What is claimed of a pair, and what it rests on."""

    claim: str
    rest: str

    @property
    def whole(self) -> str:
        """Both."""
        return f"{self.claim} {self.rest}".strip()


def verdicts(result: Result) -> tuple[Sentence, ...]:
    """Each pair in a sentence: those that are decided first."""
    answer = result.answer
    if answer is None:
        return (no_answer(result),)
    ranked = sorted(answer.pairs, key=lambda pair: pair.verdict is Verdict.UNDECIDED)
    return tuple(verdict(pair, result, several=len(answer.pairs) > 1, fewest=answer.fewest) for pair in ranked)


def no_answer(result: Result) -> Sentence:
    """Why there is nothing to say."""
    if len(result.comparison.arms) == 1:
        return Sentence("There is one arm, so there is nothing to compare it with.", "Its mean and interval are below.")
    return Sentence("There is no answer yet.", "It takes two arms with two replicates in common.")


def verdict(pair: PairAnswer, result: Result, *, several: bool, fewest: int) -> Sentence:
    """One pair in a sentence."""
    if pair.verdict is Verdict.UNDECIDED:
        why = why_undecided(pair, fewest)
        return Sentence(f"{pair.first} and {pair.second}: undecided.", f"{measured(pair)}. {why[0].upper()}{why[1:]}.")
    margin = f"{result.comparison.margin / POINT:g}"
    claim = WORDS[pair.verdict].format(pair.first, pair.second, margin)
    # The p-value of an equivalence is of another test than that of a difference.
    p = pair.p_equivalence if pair.verdict is Verdict.EQUIVALENT else pair.p_corrected
    corrected = " (corrected for all pairs)" if several else ""
    return Sentence(f"{claim}.", f"{measured(pair)}; p{TIED}{in_words(p)}{corrected}.")


def in_words(p: float) -> str:
    """A p-value behind its letter."""
    text = p_value(p)
    return f"<{TIED}{text[1:]}" if text.startswith("<") else f"={TIED}{text}"


def measured(pair: PairAnswer) -> str:
    """The difference with what is known of it."""
    return ", ".join(measures(pair))


def measures(pair: PairAnswer) -> Iterator[str]:
    """Its parts."""
    yield f"Difference {points(pair.difference)} points"
    if pair.interval is not None:
        yield f"95 % interval {in_points(pair.interval)} for these images"
    if pair.new_data is not None:
        yield f"{in_points(pair.new_data)} for new data"
    yield f"n{TIED}= {pair.n}"


def in_points(interval: Interval) -> str:
    """An interval of differences."""
    return f"{points(interval.low)} to {points(interval.high)}"


def remarks(result: Result) -> tuple[str, ...]:
    """Notes on the verdicts. Undecided ones say themselves what would decide them."""
    return (
        *open_remarks(result),
        *added_remarks(result),
        *failure_remarks(result),
        *scope_remarks(result),
        *test_remarks(result),
        f"Images: {images_and_training(result.manifest)}.",
    )


def reading(result: Result) -> str:
    """How the differences are to be read."""
    better = "Higher" if result.manifest.goal.maximize else "Lower"
    return (
        f"Differences are the first arm minus the second, in points: hundredths of {result.manifest.objective}. "
        f"{better} is better, and less than {result.comparison.margin / POINT:g} points was said not to matter."
    )
