"""The answer with which a search ends, in four sentences."""

from search.study.race_answer import Candidate, Gain, RaceAnswer, Span
from search.study.test_score import look_words
from search.views.number import plural, score
from search.views.proportion import wilson_interval
from storage.objective import Objective

POINT = 0.01


def answer_sentences(
    answer: RaceAnswer, goal: Objective, finished: int | None = None, *, test: str | None = None
) -> tuple[str, ...]:
    """Who can't be told from the best, which is recommended, what it gains, what to expect of it; and its test score,
    where it was measured, in the words of `test` where these are given. Where more trials are `finished` since, that
    comes first.
    """
    said = (
        stale_sentence(answer, finished),
        set_sentence(answer),
        recommended_sentence(answer),
        gain_sentence(answer),
        expected_sentence(answer, goal),
        test_sentence(answer) if test is None else test,
    )
    return tuple(sentence for sentence in said if sentence)


def stale_sentence(answer: RaceAnswer, finished: int | None) -> str:
    """That the answer doesn't know of all trials, "" if it does."""
    more = 0 if finished is None else answer.trials_since(finished)
    if not more:
        return ""
    have = "has" if more == 1 else "have"
    return (
        f"The answer is from {plural(answer.trials, 'trial')}; {more} more {have} finished since, of which it knows "
        "nothing: search.answer races again."
    )


def set_sentence(answer: RaceAnswer) -> str:
    """The set that holds the best of the candidates."""
    names = listed([one.name for one in answer.left])
    raced = f"{plural(answer.replicates, 'replicate')} with fresh splits and seeds"
    count = len(answer.candidates)
    if len(answer.left) == count:
        return f"The best {count} trials can't be told apart after {raced}: {names}{why(answer)}."
    sure = f"the best of the {count} is among them with {1 - answer.level:.0%}"
    if len(answer.left) == 1:
        return f"{names} is the best of the best {count} trials with {1 - answer.level:.0%}, after {raced}."
    return f"Of the best {count} trials, {names} can't be told from the best after {raced}; {sure}{why(answer)}."


def why(answer: RaceAnswer) -> str:
    """That the race showed equivalence, "" if it didn't."""
    if answer.end != "equivalent":
        return ""
    return f"; they differ by less than the {answer.margin / POINT:g} points that were said to matter"


def recommended_sentence(answer: RaceAnswer) -> str:
    """The recommended candidate, and what it costs."""
    chosen = answer.chosen
    cost = costs(chosen)
    of_these = "the only one left" if len(answer.left) == 1 else "the cheapest of these"
    return f"Recommended is {chosen.name}, {of_these}{f': {cost}' if cost else ''}."


def costs(candidate: Candidate) -> str:
    """What a candidate costs, as far as it is known."""
    parameters = "" if candidate.parameters is None else f"{candidate.parameters:,} parameters"
    seconds = "" if candidate.epoch_seconds is None else f"{candidate.epoch_seconds:.2g} s per epoch"
    return ", ".join(part for part in (parameters, seconds) if part)


def gain_sentence(answer: RaceAnswer) -> str:
    """What the recommended candidate gains over the reference."""
    gain = answer.gain
    if gain is None:
        return ""
    shown = verdict(gain)
    return (
        f"{shown} {gain.reference}: {points(gain.difference)} points (95 % interval "
        f"{points_span(gain.interval)}), on {plural(gain.n, 'replicate')}."
    )


def verdict(gain: Gain) -> str:
    """What the interval of the gain says."""
    if gain.interval.low > 0:
        return "It gains over the"
    if gain.interval.high < 0:
        return "It is worse than the"
    return "It isn't shown to gain over the"


def expected_sentence(answer: RaceAnswer, goal: Objective) -> str:
    """What to expect of the recommended candidate on new splits."""
    chosen = answer.chosen
    if chosen.mean is None:
        return ""
    interval = f" (95 % interval {score_span(chosen.interval)})" if chosen.interval else ""
    expected = f"On new splits expect a {goal.label} of {score(chosen.mean)}{interval}"
    if answer.optimism is None:
        return f"{expected}."
    spread = f" ({points_span(answer.optimism_interval)})" if answer.optimism_interval else ""
    return (
        f"{expected}, not the {score(chosen.selected)} by which the search selected it: that was "
        f"{points(answer.optimism)} points{spread} of optimism."
    )


def test_sentence(answer: RaceAnswer) -> str:
    """The test score of the recommended candidate's best model, "" where it wasn't measured."""
    if answer.test_accuracy is None or answer.test_n is None:
        return ""
    low, high = wilson_interval(answer.test_accuracy, answer.test_n)
    return (
        f"Its best model has a test accuracy of {answer.test_accuracy:.2%} (95 % interval {low:.1%} to {high:.1%}), "
        f"{look_words(answer.test_look or 1)}, on {plural(answer.test_n, 'image')}."
    )


def listed(names: list[str]) -> str:
    """Names as a list in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def points(value: float) -> str:
    """A difference in points."""
    return f"{value / POINT:+.2f}"


def points_span(span: Span) -> str:
    """An interval of differences, in points."""
    return f"{points(span.low)} to {points(span.high)}"


def score_span(span: Span) -> str:
    """An interval of scores."""
    return f"{score(span.low)} to {score(span.high)}"
