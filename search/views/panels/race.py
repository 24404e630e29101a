"""The answer of a search as a figure: what the raced trials reach on fresh splits, and what selected them."""

from collections.abc import Sequence
from typing import Any

from search.study.race_answer import Candidate, RaceAnswer, Reference
from search.views import palette
from search.views.answer_sentences import answer_sentences
from search.views.plots import Panel, Plot, axis, layout, plain
from storage.objective import Objective

TITLE = "The answer"


def race_panel(answer: RaceAnswer | None, goal: Objective, finished: int | None = None) -> Panel | None:
    """A row for each candidate and for the reference; None where nothing has raced. `finished` is how many of the
    search's trials are.
    """
    if answer is None:
        return None
    return Panel("race", TITLE, (means_plot(answer, goal),), answer_sentences(answer, goal, finished))


def means_plot(answer: RaceAnswer, goal: Objective) -> Plot:
    """Means with intervals, and crosses for the values that selected the candidates."""
    reference = [] if answer.reference is None else [answer.reference]
    shown_worse = [one for one in answer.candidates if not one.left]
    names = [*(plain(one.name) for one in answer.candidates), *(plain(one.name) for one in reference)]
    traces = [
        means("can't be told from the best", palette.BLUE, answer.left),
        *([means("shown worse", palette.GRAY, shown_worse)] if shown_worse else []),
        *([means("baseline", palette.ORANGE, reference)] if reference else []),
        {
            "type": "scatter",
            "mode": "markers",
            "name": "selected with",
            "x": [one.selected for one in answer.candidates],
            "y": [plain(one.name) for one in answer.candidates],
            "marker": {"color": palette.GRAY, "symbol": "x", "size": 9},
            "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
        },
    ]
    look = layout(
        axis(goal.metric),
        axis("", autorange="reversed", categoryorder="array", categoryarray=names),
        height=150 + 44 * len(names),
    )
    return Plot("Means of the raced trials on fresh splits, with their 95 % intervals.", traces, look)


def means(name: str, color: str, arms: Sequence[Candidate | Reference]) -> dict[str, Any]:
    """The means of some arms with their intervals."""
    known = [(one.name, one.mean, one.interval) for one in arms if one.mean is not None]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [mean for _, mean, _ in known],
        "y": [plain(arm) for arm, _, _ in known],
        "marker": {"color": color, "size": 11},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [0.0 if span is None else round(span.high - mean, 6) for _, mean, span in known],
            "arrayminus": [0.0 if span is None else round(mean - span.low, 6) for _, mean, span in known],
            "color": color,
        },
        "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
    }
