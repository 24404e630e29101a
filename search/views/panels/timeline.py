"""When each worker trained what, and how that ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from search.views import palette
from search.views.facts import State, StudyFacts, TrialFacts
from search.views.plots import Panel, Plot, axis, by_state, label, layout, plain

TITLE = "Workers"
UNITS = (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))
PATTERNS: dict[State, str] = {
    "complete": "",
    "pruned": "/",
    "diverged": ".",
    "infeasible": "+",
    "failed": "x",
    "running": "-",
    "paused": "|",
}


def timeline_panel(facts: StudyFacts) -> Panel:
    """A row a worker, a bar a trial, by the clocks of the workers' hosts."""
    begun = [trial for trial in facts.trials if trial.began is not None]
    if not begun:
        return Panel("timeline", TITLE, notes=("No trial has begun yet.",))
    start = min(trial.began for trial in begun if trial.began is not None)
    end = max(moment for trial in begun for moment in (trial.began, trial.ended) if moment is not None)
    unit, seconds = unit_for((end - start).total_seconds())

    def since(moment: datetime | None) -> float:
        return round(((moment or end) - start).total_seconds() / seconds, 5)

    traces = [bars(state, group, since) for state, group in by_state(begun)]
    workers = list(dict.fromkeys(trial.worker for trial in begun))
    rows = axis("", categoryorder="array", categoryarray=[plain(worker) for worker in reversed(workers)])
    look = layout(
        axis(f"{unit} since {start:%Y-%m-%d %H:%M:%S}", rangemode="tozero"),
        rows,
        barmode="overlay",
        bargap=0.25,
        height=150 + 38 * len(workers),
    )
    alt = "Timeline: a row for each worker, a bar for each trial."
    return Panel("timeline", TITLE, (Plot(alt, traces, look),), notes(begun))


def unit_for(seconds: float) -> tuple[str, float]:
    """The largest unit of which there are at least two, and its seconds."""
    return next(((name, size) for name, size in UNITS if seconds >= 2 * size), UNITS[-1])


def bars(state: State, trials: Sequence[TrialFacts], since: Any) -> dict[str, Any]:
    """The trials of one state as bars."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": state,
        "y": [plain(trial.worker) for trial in trials],
        "base": [since(trial.began) for trial in trials],
        "x": [round(max(since(trial.ended) - since(trial.began), 0.0), 5) for trial in trials],
        "text": [label(trial) for trial in trials],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "color": palette.STATES[state],
            "pattern": {"shape": PATTERNS[state], "size": 5, "fillmode": "replace"},
            "line": {"width": 0.5, "color": palette.EDGE},
        },
    }


def notes(begun: Sequence[TrialFacts]) -> tuple[str, ...]:
    """What to know of trials that were begun more than once."""
    again = [trial for trial in begun if trial.attempts > 1]
    if not again:
        return ()
    named = ", ".join(str(trial.number) for trial in again[:10]) + (", …" if len(again) > 10 else "")
    return (
        f"{len(again)} trial(s) were interrupted and continued, on the same worker or another ({named}): the bar is "
        "in the row of the last one.",
    )
