"""The answers of designed comparisons, with their intervals."""

from collections.abc import Sequence
from typing import Any

from search.comparison import Answer, PairAnswer, Verdict
from search.comparison.wording import why_undecided
from search.report.comparisons import Comparison
from search.report.plots import COLOURS, Panel, Plot, axis, layout, plain

TITLE = "Comparisons"
WORDS = {
    Verdict.BETTER: "{} is better than {}",
    Verdict.WORSE: "{} is worse than {}",
    Verdict.EQUIVALENT: "{} and {} are as good as each other, within the margin",
}


def answers_panel(comparisons: Sequence[Comparison], *, maximize: bool) -> Panel | None:
    """A forest plot for each comparison, and its verdicts in words; None if the study has none."""
    if not comparisons:
        return None
    plots = tuple(plot for one in comparisons if (plot := forest(one)) is not None)
    notes = [sentence for one in comparisons for sentence in (one.question, *verdicts(one.answer))]
    direction = "higher" if maximize else "lower"
    notes.append(f"Differences are the first minus the second; {direction} is better. The intervals are those of 95 %.")
    return Panel("comparisons", TITLE, plots, tuple(notes))


def forest(comparison: Comparison) -> Plot | None:
    """The differences of the pairs with their intervals, and the margin; None if n is too small for any."""
    known = [
        (pair, pair.difference, pair.interval)
        for pair in comparison.answer.pairs
        if pair.difference is not None and pair.interval is not None
    ]
    if not known:
        return None
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": [difference for _, difference, _ in known],
        "y": [plain(f"{pair.first} - {pair.second} (n = {pair.n})") for pair, _, _ in known],
        "marker": {"color": COLOURS["complete"], "size": 10},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [interval.high - difference for _, difference, interval in known],
            "arrayminus": [difference - interval.low for _, difference, interval in known],
        },
        "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
    }
    margin = comparison.answer.margin
    band = {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": -margin,
        "x1": margin,
        "y0": 0,
        "y1": 1,
        "fillcolor": COLOURS["pruned"],
        "opacity": 0.2,
        "line": {"width": 0},
    }
    look = layout(
        axis(f"difference in {comparison.unit}; shaded: too small to matter"),
        axis("", autorange="reversed"),
        shapes=[band],
        height=130 + 34 * len(known),
        showlegend=False,
    )
    return Plot("Differences of the pairs with their 95 % intervals.", (trace,), look)


def verdicts(answer: Answer) -> list[str]:
    """Each pair in a sentence."""
    return [verdict(pair, answer.fewest) for pair in answer.pairs]


def verdict(pair: PairAnswer, fewest: int) -> str:
    """One pair in a sentence."""
    if pair.verdict is Verdict.UNDECIDED:
        return f"{pair.first} and {pair.second}: undecided; {why_undecided(pair, fewest)}."
    low_high = "" if pair.interval is None else f" ({pair.interval.low:+.4f} to {pair.interval.high:+.4f})"
    difference = "" if pair.difference is None else f", difference {pair.difference:+.4f}{low_high}"
    return f"{WORDS[pair.verdict].format(pair.first, pair.second)}{difference}, n = {pair.n}."
