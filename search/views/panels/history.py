"""Every trial's score, in the order of the trials, and the best so far."""

from collections.abc import Sequence
from typing import Any

from search.views import palette
from search.views.facts import StudyFacts, TrialFacts
from search.views.plots import Panel, Plot, axis, by_state, layout, points

TITLE = "History"


def history_panel(facts: StudyFacts) -> Panel:
    """Every trial's last score; and next to it only the completed ones, with a line for the best so far."""
    scored = facts.scored
    if not scored:
        return Panel("history", TITLE, notes=("No trial has a score yet.",))
    complete = [trial for trial in scored if trial.complete]
    name = facts.manifest.goal.label
    plots = [Plot(f"Scatter plot of {name} by trial, with the best so far.", traces(facts, scored), look(name))]
    if 0 < len(complete) < len(scored):
        alt = f"Scatter plot of {name} of completed trials, with the best so far."
        plots.append(Plot(alt, traces(facts, complete), look(f"{name}, completed trials")))
    notes = ("The score of a pruned trial is that of the epoch at which it was ended.",)
    return Panel("history", TITLE, tuple(plots), notes if any(trial.state == "pruned" for trial in scored) else ())


def look(name: str) -> dict[str, Any]:
    """The layout of both."""
    return layout(axis("trial"), axis(name))


def traces(facts: StudyFacts, trials: Sequence[TrialFacts]) -> list[dict[str, Any]]:
    """The trials as points, and the best so far as a line."""
    made = [
        points(state, group, [trial.number for trial in group], [trial.value for trial in group])
        for state, group in by_state(trials)
    ]
    complete = [trial for trial in trials if trial.complete]
    values = [trial.value for trial in complete if trial.value is not None]
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": [trial.number for trial in complete],
        "y": facts.manifest.goal.running_best(values),
        "line": {"color": palette.BEST, "width": 3, "shape": "hv"},
        "hovertemplate": "best so far: %{y:.4f}<extra></extra>",
    }
    return [*made, line] if complete else made
