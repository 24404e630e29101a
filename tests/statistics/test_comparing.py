"""From scores to an answer: what is said, what is refused, and what happens to replicates that failed."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from search.errors import UsageError
from search.statistics import Answer, ArmScores, PairAnswer, Verdict, compare
from search.statistics.wording import why_undecided

MARGIN = 0.005


def arm(name: str, scores: Sequence[float]) -> ArmScores:
    """An arm with a score on each of the replicates 0, 1, …"""
    return ArmScores(name, dict(enumerate(scores)))


def noisy(name: str, mean: float, n: int = 12, spread: float = 0.002) -> ArmScores:
    """An arm whose scores spread evenly around their mean, over what all arms share."""
    common = np.linspace(-0.02, 0.02, n)
    own = np.random.default_rng([len(name), n]).permutation(np.linspace(-spread, spread, n))
    return arm(name, [float(score) for score in mean + common + own])


def only_pair(first: ArmScores, second: ArmScores, **options: bool) -> PairAnswer:
    """The answer on two arms."""
    [pair] = compare([first, second], MARGIN, **options).pairs
    return pair


def test_an_arm_that_is_always_ahead_is_better_and_seen_from_the_other_side_worse() -> None:
    good, bad = noisy("good", 0.95), noisy("poorer", 0.90)
    assert only_pair(good, bad).verdict is Verdict.BETTER
    assert only_pair(bad, good).verdict is Verdict.WORSE


def test_where_less_is_better_the_lower_arm_is() -> None:
    assert only_pair(noisy("low", 0.1), noisy("higher", 0.2), maximize=False).verdict is Verdict.BETTER


def test_arms_closer_than_the_margin_are_equivalent() -> None:
    assert only_pair(noisy("one", 0.95), noisy("other", 0.9505)).verdict is Verdict.EQUIVALENT


def test_too_much_spread_leaves_it_undecided_and_says_what_would_decide() -> None:
    answer = compare([noisy("one", 0.95, 8, 0.02), noisy("other", 0.955, 8, 0.03)], MARGIN)
    [pair] = answer.pairs
    assert pair.verdict is Verdict.UNDECIDED
    assert not answer.decided
    assert pair.estimate is not None
    sentence = why_undecided(pair, answer.fewest)
    assert sentence.startswith(f"about {pair.estimate.low} to {pair.estimate.high} replicates would decide")
    assert sentence.endswith("if the difference and the spread are about as these 8 showed")


def test_what_all_arms_share_does_not_count_as_spread() -> None:
    pair = only_pair(noisy("one", 0.95), noisy("other", 0.96))
    assert pair.deviation is not None
    assert pair.deviation < 0.005


def test_three_arms_have_three_pairs_in_their_order() -> None:
    answer = compare([noisy("a", 0.9), noisy("bb", 0.93), noisy("ccc", 0.96)], MARGIN)
    assert [(pair.first, pair.second) for pair in answer.pairs] == [("a", "bb"), ("a", "ccc"), ("bb", "ccc")]
    assert [pair.verdict for pair in answer.pairs] == [Verdict.WORSE] * 3
    assert answer.decided
    assert all(pair.p_corrected >= pair.p for pair in answer.pairs)


def test_arms_are_summarized() -> None:
    answer = compare([arm("one", [0.8, 0.9, 1.0]), arm("other", [0.7, 0.7, 0.7])], MARGIN)
    one, other = answer.arms
    assert one.n == 3
    assert [one.mean, one.deviation] == pytest.approx([0.9, 0.1])
    assert one.interval is not None
    assert one.interval.low == pytest.approx(0.9 - 4.3027 * 0.1 / 3**0.5, abs=1e-4)
    assert other.deviation == 0


def test_a_stricter_look_may_leave_undecided_what_a_single_look_decides() -> None:
    arms = [noisy("one", 0.95, 8), noisy("other", 0.96, 8)]
    assert compare(arms, MARGIN).decided
    assert not compare(arms, MARGIN, level=0.001).decided


def test_the_same_scores_give_the_same_answer() -> None:
    arms = [noisy("one", 0.95, 20, 0.01), noisy("other", 0.955, 20, 0.01), noisy("third", 0.95, 20)]
    assert compare(arms, MARGIN, seed=3) == compare(arms, MARGIN, seed=3)


def test_the_answer_goes_through_json() -> None:
    answer = compare([noisy("one", 0.95), noisy("other", 0.96), arm("failed", [])], MARGIN)
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Answer) == answer


def test_a_pair_uses_the_replicates_that_both_arms_have() -> None:
    first, second = arm("first", [0.9] * 10), noisy("second", 0.8, 10)
    first = ArmScores("first", {k: score for k, score in first.scores.items() if k not in {0, 4}})
    second = ArmScores("second", {k: score for k, score in second.scores.items() if k != 7})
    answer = compare([first, second], MARGIN)
    assert answer.pairs[0].n == 7
    assert [summary.n for summary in answer.arms] == [8, 9]
    assert [summary.missing for summary in answer.arms] == [(0, 4), (7,)]


def test_an_arm_that_failed_altogether_decides_nothing_and_hinders_no_one() -> None:
    answer = compare([noisy("one", 0.95), noisy("other", 0.90), arm("failed", [])], MARGIN)
    assert [pair.verdict for pair in answer.pairs] == [Verdict.BETTER, Verdict.UNDECIDED, Verdict.UNDECIDED]
    assert answer.arms[2].mean is None
    assert answer.pairs[1].interval is None
    assert answer.pairs[1].estimate is None
    assert why_undecided(answer.pairs[1], answer.fewest) == ("0 common replicates say nothing: a pair needs at least 2")


def test_arms_that_always_score_the_same_are_equivalent_once_there_are_enough_of_them() -> None:
    few, enough = (only_pair(arm("a", [0.9] * n), arm("b", [0.9] * n)) for n in (4, 5))
    assert few.verdict is Verdict.UNDECIDED
    assert enough.verdict is Verdict.EQUIVALENT
    assert enough.p == 1
    assert enough.interval is not None
    assert (enough.interval.low, enough.interval.high) == (0, 0)


def test_a_difference_that_never_varies_is_one_once_there_are_enough_replicates() -> None:
    few, enough = (only_pair(arm("a", [0.9] * n), arm("b", [0.8] * n)) for n in (5, 6))
    assert few.verdict is Verdict.UNDECIDED
    assert enough.verdict is Verdict.BETTER


def test_scores_that_tie_as_fractions_tie() -> None:
    # 0.3 - 0.2 and 0.2 - 0.1 are different floats.
    pair = only_pair(arm("a", [0.3, 0.2, 0.9]), arm("b", [0.2, 0.1, 0.8]))
    assert pair.deviation == 0


def test_too_few_replicates_for_any_difference_are_said_to_be() -> None:
    answer = compare([noisy("a", 0.9, 5), noisy("bb", 0.95, 5), noisy("ccc", 0.99, 5)], MARGIN)
    assert answer.fewest == 7
    assert why_undecided(answer.pairs[0], answer.fewest).endswith("fewer than 7 can't show a difference")


def test_what_no_reasonable_number_would_decide_is_said_to_be_beyond_the_cap() -> None:
    pair = only_pair(arm("a", [0.1, 0.9, 0.2, 0.81]), arm("b", [0.9, 0.1, 0.8, 0.2]))
    assert why_undecided(pair, 6).startswith("more than 1000 replicates would be needed")


def test_one_arm_is_no_comparison() -> None:
    with pytest.raises(UsageError, match="a comparison needs at least two arms, and only 'a' was given"):
        compare([noisy("a", 0.9)], MARGIN)
    with pytest.raises(UsageError, match="and none was given"):
        compare([], MARGIN)


def test_one_replicate_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="one replicate can't tell a difference between arms from the spread"):
        compare([arm("a", [0.9]), arm("b", [0.8])], MARGIN)


def test_two_arms_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="each arm needs a name of its own: a is there more than once"):
        compare([noisy("a", 0.9), noisy("a", 0.8)], MARGIN)


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_refused(score: float) -> None:
    with pytest.raises(UsageError, match=f"arm 'b', replicate 1: {score} isn't a finite score"):
        compare([arm("a", [0.9, 0.8]), arm("b", [0.7, score])], MARGIN)


@pytest.mark.parametrize("margin", [0, -0.1, math.nan, math.inf])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(UsageError, match="the smallest difference that matters"):
        compare([noisy("a", 0.9), noisy("b", 0.8)], margin)


@pytest.mark.parametrize("level", [0, 0.5, math.nan])
def test_a_level_that_is_none_is_refused(level: float) -> None:
    with pytest.raises(UsageError, match=r"it must lie between 0 and 0\.5"):
        compare([noisy("a", 0.9), noisy("b", 0.8)], MARGIN, level=level)
