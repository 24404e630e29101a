"""The answer of a comparison in sentences, in the units of the terminal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from search.design.ablation_tables import ablation_sentences
from search.design.cell_text import p_value, points
from search.design.noise_tables import noise_sentences
from search.design.options import POINT
from search.design.result import ComparisonResult
from search.design.screening_tables import screening_sentences
from search.design.tables import (
    added_remarks,
    failure_remarks,
    images_and_training,
    open_remarks,
    scope_remarks,
    test_remarks,
)
from search.statistics import ConfidenceInterval, PairAnswer, Verdict
from search.statistics.wording import why_undecided
from search.views.answer_sentences import answer_sentences
from storage.comparison import Kind

KINDS: Mapping[Kind, str] = {
    "comparison": "Report on a comparison",
    "confirmation": "Report on a confirmation",
    "screening": "Report on a screening",
    "noise": "Report on the spread of scores",
    "race": "Report on a race",
    "ablation": "Report on an ablation",
}
TIED = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Sentence:
    """What is claimed of a pair, and what it rests on."""

    claim: str
    rest: str

    @property
    def whole(self) -> str:
        """Both."""
        return f"{self.claim} {self.rest}".strip()


def verdicts(result: ComparisonResult) -> tuple[Sentence, ...]:
    """Each pair in a sentence: those that are decided first."""
    if result.screened is not None:
        return tuple(Sentence(*said) for said in screening_sentences(result, result.screened))
    if result.ablated is not None:
        return tuple(Sentence(*said) for said in ablation_sentences(result, result.ablated))
    if result.comparison.kind == "noise":
        return tuple(Sentence(*said) for said in noise_sentences(result))
    if result.raced is not None:
        return tuple(Sentence(said, "") for said in answer_sentences(result.raced, result.manifest.goal))
    answer = result.answer
    if answer is None:
        return (no_answer(result),)
    ranked = sorted(answer.pairs, key=lambda pair: pair.verdict is Verdict.UNDECIDED)
    return tuple(verdict(pair, result, several=len(answer.pairs) > 1, fewest=answer.fewest) for pair in ranked)


def no_answer(result: ComparisonResult) -> Sentence:
    """Why there is nothing to say."""
    if len(result.comparison.arms) == 1:
        return Sentence("There is one arm, so there is nothing to compare it with.", "Its mean and interval are below.")
    return Sentence("There is no answer yet.", "It takes two arms with two replicates in common.")


def verdict(pair: PairAnswer, result: ComparisonResult, *, several: bool, fewest: int) -> Sentence:
    """One pair in a sentence."""
    names = f"{pair.first} and {pair.second}"
    match pair.verdict:
        case Verdict.UNDECIDED:
            why = why_undecided(pair, fewest)
            return Sentence(f"{names}: undecided.", f"{measured(pair)}. {why[0].upper()}{why[1:]}.")
        case Verdict.EQUIVALENT:
            margin = f"{result.comparison.margin / POINT:g} points, which was said to matter"
            claim = f"{names} are equivalent: they differ by less than {margin}."
            # The p-value of an equivalence is of another test than that of a difference.
            return Sentence(claim, evidence(pair, pair.p_equivalence, several=several))
        case Verdict.BETTER | Verdict.WORSE:
            claim = f"{pair.first} is {pair.verdict} than {pair.second}."
            return Sentence(claim, evidence(pair, pair.p_corrected, several=several))
    assert_never(pair.verdict)


def evidence(pair: PairAnswer, p: float, *, several: bool) -> str:
    """What a claim rests on."""
    return f"{measured(pair)}; p{TIED}{in_words(p)}{' (corrected for all pairs)' if several else ''}."


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


def in_points(interval: ConfidenceInterval) -> str:
    """An interval of differences."""
    return f"{points(interval.low)} to {points(interval.high)}"


def remarks(result: ComparisonResult) -> tuple[str, ...]:
    """Notes on the verdicts. Undecided ones say themselves what would decide them."""
    return (
        *open_remarks(result),
        *added_remarks(result),
        *failure_remarks(result),
        *scope_remarks(result),
        *test_remarks(result),
        f"Images: {images_and_training(result.manifest)}.",
    )


def reading(result: ComparisonResult) -> str:
    """How the differences are to be read."""
    if result.screened is not None:
        return f"Effects are the high level minus the low one, in points: hundredths of {result.manifest.objective}."
    if result.ablated is not None:
        return f"Effects are of each step of the path, in points: hundredths of {result.manifest.objective}."
    if result.comparison.kind == "noise":
        return f"Points are hundredths of {result.manifest.objective}."
    better = "Higher" if result.manifest.goal.maximize else "Lower"
    return (
        f"Differences are the first arm minus the second, in points: hundredths of {result.manifest.objective}. "
        f"{better} is better, and less than {result.comparison.margin / POINT:g} points was said not to matter."
    )
