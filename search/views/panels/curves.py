"""The learning curves of all trials, in few traces: a page with a trace a trial would not scroll."""

from collections.abc import Mapping, Sequence
from typing import Any

from search.views import palette
from search.views.facts import State, StudyFacts, TrialFacts
from search.views.plots import Panel, Plot, axis, by_state, layout
from storage.objective import Objective

TITLE = "Learning curves"
DASHES: Mapping[State, str] = {
    "pruned": "solid",
    "diverged": "dot",
    "infeasible": "longdash",
    "failed": "dash",
    "running": "dashdot",
    "paused": "longdash",
    "complete": "solid",
}


def curves_panel(facts: StudyFacts) -> Panel:
    """The objective after each epoch: pruned trials faint, the best one thick; and the best one's training scores."""
    trained = [trial for trial in facts.trials if trial.curve]
    if not trained:
        return Panel("curves", TITLE, notes=("No epoch has been recorded yet.",))
    goal = facts.manifest.goal
    best = facts.best
    rest = [trial for trial in trained if best is None or trial.number != best.number]
    traces = [merged(state, group, goal) for state, group in by_state(rest)]
    if best is not None:
        traces.append(best_curve(best, goal))
    name = facts.manifest.goal.label
    everything = Plot(
        f"Line plot of {name} after each epoch, a line a trial.",
        traces,
        layout(axis("epoch", rangemode="tozero"), axis(name)),
    )
    return Panel("curves", TITLE, (everything, *own_curves(best)), notes(trained))


def notes(trained: Sequence[TrialFacts]) -> tuple[str, ...]:
    """What to know of the figure."""
    return ("Curves that end early are those of pruned trials.",) if any(t.state == "pruned" for t in trained) else ()


def merged(state: State, trials: Sequence[TrialFacts], goal: Objective) -> dict[str, Any]:
    """The curves of many trials as one trace, with gaps between them."""
    x: list[int | None] = []
    y: list[float | None] = []
    for trial in trials:
        x += [row.epoch for row in trial.curve] + [None]
        y += [rounded(goal.of(row)) for row in trial.curve] + [None]
    faint = state != "complete"
    return {
        "type": "scatter",
        "mode": "lines+markers" if any(len(trial.curve) == 1 for trial in trials) and len(x) < 2_000 else "lines",
        "name": state,
        "x": x,
        "y": y,
        "marker": {"size": 3},
        "line": {"color": palette.STATES[state], "width": 1 if faint else 1.4, "dash": DASHES[state]},
        "opacity": thinness(len(trials)) * (0.55 if faint else 0.8),
        "hoverinfo": "skip",
    }


def thinness(count: int) -> float:
    """The opacity of each of this many curves."""
    return 1.0 if count <= 50 else 0.6


def best_curve(trial: TrialFacts, goal: Objective) -> dict[str, Any]:
    """The curve of the best trial."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"trial {trial.number}, the best",
        "x": [row.epoch for row in trial.curve],
        "y": [rounded(goal.of(row)) for row in trial.curve],
        "line": {"color": palette.BEST, "width": 3},
        "marker": {"size": 6},
        "hovertemplate": "epoch %{x}: %{y:.4f}<extra></extra>",
    }


def own_curves(best: TrialFacts | None) -> tuple[Plot, ...]:
    """The best trial's losses, on training and on validation images: whether it learns by heart."""
    if best is None:
        return ()
    epochs = [row.epoch for row in best.curve]

    def loss(name: str, values: list[float | None], color: str, dash: str) -> dict[str, Any]:
        line = {"color": color, "width": 2, "dash": dash}
        return {"type": "scatter", "mode": "lines+markers", "name": name, "x": epochs, "y": values, "line": line}

    traces = [
        loss("training", [rounded(row.loss) for row in best.curve], palette.TRAINING, "dash"),
        loss("validation", [rounded(row.val_loss) for row in best.curve], palette.VALIDATION, "solid"),
    ]
    alt = f"Line plot of the losses of trial {best.number} on training and validation images."
    y = axis(f"loss of trial {best.number}", rangemode="tozero")
    return (Plot(alt, traces, layout(axis("epoch", rangemode="tozero"), y)),)


def rounded(value: float | None) -> float | None:
    """A score to five digits, which is finer than any screen."""
    return None if value is None else round(value, 5)
