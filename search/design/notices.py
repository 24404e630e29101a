"""The notices of a comparison: its answer, or that there will be none."""

from search.design.answer_words import verdicts
from search.design.result import ComparisonResult
from search.design.tables import comparison_headline
from search.notify.notice import Notice


def answer_notice(result: ComparisonResult) -> Notice:
    """The notice for a comparison or its like whose looks are through, or that a look has decided."""
    state = "decided" if result.decided else "ended undecided"
    # A measurement, and a single arm, have nothing to decide; a race is over also where it leaves several.
    if result.comparison.kind in ("noise", "race") or len(result.comparison.arms) == 1:
        state = "complete"
    return Notice(
        kind="decided",
        occasion=f"{result.look.replicates} replicates",
        title=f"{result.study_name}: {state} after {result.look.replicates} replicates",
        text="\n".join([comparison_headline(result), *(sentence.whole for sentence in verdicts(result))]),
    )
