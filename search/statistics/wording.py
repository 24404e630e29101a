"""What is said of an undecided pair, without promising more than the data can."""

from search.statistics.answer import PairAnswer
from search.statistics.planning import Estimate
from search.statistics.scores import FEWEST_REPLICATES


def why_undecided(pair: PairAnswer, fewest: int) -> str:
    """One sentence on how many replicates would probably decide the pair; `fewest` is the answer's."""
    estimate = pair.estimate
    if estimate is None and pair.n >= FEWEST_REPLICATES:
        return (
            f"{pair.n} common replicates don't decide it yet, and it takes {fewest} at least; more may be added at any "
            "time, at no cost in certainty"
        )
    if estimate is None:
        return f"{pair.n} common replicates say nothing: a pair needs at least {FEWEST_REPLICATES}"
    if estimate.replicates is None:
        return (
            f"more than {estimate.cap} replicates would be needed, if the difference and the spread are about as these"
            f" {pair.n} showed"
        )
    claim = "that the arms are equivalent" if estimate.equivalent else "which is better"
    sentence = (
        f"about {replicates_range(estimate)} replicates would decide {claim} with a chance of {estimate.power:.0%}, if"
        f" the difference and the spread are about as these {pair.n} showed"
    )
    return f"{sentence}; fewer than {fewest} can't show a difference" if pair.n < fewest else sentence


def replicates_range(estimate: Estimate) -> str:
    """How many replicates would probably decide, as a range: "25 to 190", or "40 to more than 1000"."""
    if estimate.low is None:
        return f"more than {estimate.cap}"
    if estimate.low == estimate.high:
        return str(estimate.low)
    return f"{estimate.low} to {f'more than {estimate.cap}' if estimate.high is None else estimate.high}"


def rule_of_three(n: int) -> float:
    """The rate of divergence that n runs without one don't exclude, at 95 %: the rule of three (Hanley and
    Lippman-Hand 1983).
    """
    return min(1.0, 3 / n)
