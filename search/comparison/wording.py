"""What is said of an undecided pair, without promising more than the data can."""

from search.comparison.answer import PairAnswer
from search.comparison.scores import FEWEST_REPLICATES


def why_undecided(pair: PairAnswer, fewest: int) -> str:
    """One sentence on how many replicates would probably decide the pair; `fewest` is the answer's."""
    if pair.estimate is None:
        return f"{pair.n} common replicates say nothing: a pair needs at least {FEWEST_REPLICATES}"
    if pair.estimate.replicates is None:
        return (
            f"more than {pair.estimate.cap} replicates would be needed, if the difference and the spread are as these"
            f" {pair.n} showed"
        )
    claim = "that the arms are equivalent" if pair.estimate.equivalent else "which is better"
    sentence = (
        f"about {pair.estimate.replicates} replicates would decide {claim} with a chance of {pair.estimate.power:.0%},"
        f" if the difference and the spread are as these {pair.n} showed"
    )
    return f"{sentence}; fewer than {fewest} can't show a difference" if pair.n < fewest else sentence
