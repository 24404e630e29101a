"""Figures of a search, stored with the study: optuna-dashboard shows them on the study's page."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from optuna.trial import FrozenTrial, TrialState

from search.study.own_trials import own_trials
from search.views.dashboard_attributes import save_figure
from search.views.lessons import Lesson, lessons
from search.views.summary_text import number
from storage import SharedStudy
from storage.objective import Objective

# A dashboard sends the figures along whenever it looks for news; it has a history with parameters of its own.
MOST_DESCRIBED = 200

# Okabe and Ito's palette, distinguishable with every kind of color vision: https://jfly.uni-koeln.de/color/
BLUE, ORANGE, GRAY = "#0072B2", "#E69F00", "#999999"


def store_figures(shared: SharedStudy) -> None:
    """Stores the figures with the study, in the place of those stored before."""
    goal = shared.manifest.goal
    trials = own_trials(shared)
    with shared.translated():
        figures = {"history": history(trials, goal)}
        choices = [lesson for lesson in lessons(trials, goal) if lesson.choices]
        figures |= {f"choices-{lesson.parameter}": choice_shares(lesson) for lesson in choices}
        for name, figure in figures.items():
            save_figure(shared, name, figure)


def history(trials: Sequence[FrozenTrial], goal: Objective) -> go.Figure:
    """Each trial's last score, and the best of the completed ones so far."""
    finished = [trial for trial in trials if trial.value is not None]
    complete = [trial for trial in finished if trial.state is TrialState.COMPLETE]
    pruned = [trial for trial in finished if trial.state is TrialState.PRUNED]
    figure = go.Figure(layout=_layout("Trials and the best so far", "trial", goal.metric))
    figure.add_trace(_points(pruned, "pruned", GRAY, "x"))
    figure.add_trace(_points(complete, "complete", BLUE, "circle"))
    best = goal.running_best(trial.value for trial in complete if trial.value is not None)
    numbers = [trial.number for trial in complete]
    figure.add_trace(go.Scatter(x=numbers, y=best, name="best so far", line={"color": ORANGE, "shape": "hv"}))
    return figure


def curves(trials: Sequence[FrozenTrial], objective: str) -> go.Figure:
    """The objective after each epoch: completed trials in color, those that ended early faint."""
    figure = go.Figure(layout=_layout("Learning curves", "epoch", objective))
    for trial in sorted(trials, key=lambda trial: trial.state is TrialState.COMPLETE):
        complete = trial.state is TrialState.COMPLETE
        figure.add_trace(
            go.Scatter(
                x=list(trial.intermediate_values),
                y=list(trial.intermediate_values.values()),
                name=f"trial {trial.number}, {trial.state.name.lower()}",
                mode="lines" if len(trial.intermediate_values) > 1 else "markers",
                line={"color": BLUE if complete else GRAY, "width": 1.5 if complete else 1},
                opacity=0.9 if complete else 0.35,
                showlegend=False,
            )
        )
    return figure


def choice_shares(lesson: Lesson) -> go.Figure:
    """Of the trials with each choice, the share that is in the best quarter, with its 95 % interval."""
    figure = go.Figure(
        layout=_layout(f"{lesson.parameter}: trials in the best quarter", lesson.parameter, "share, 95 % interval")
    )
    figure.add_trace(
        go.Scatter(
            x=[f"{score.choice}<br>n = {score.n}" for score in lesson.choices],
            y=[score.share for score in lesson.choices],
            mode="markers",
            marker={"color": BLUE, "size": 10},
            error_y={
                "array": [score.high - score.share for score in lesson.choices],
                "arrayminus": [score.share - score.low for score in lesson.choices],
            },
        )
    )
    figure.update_yaxes(range=[0, 1])
    return figure


def _points(trials: Sequence[FrozenTrial], name: str, color: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=[trial.number for trial in trials],
        y=[trial.value for trial in trials],
        text=[", ".join(f"{key} {number(value)}" for key, value in trial.params.items()) for trial in trials]
        if len(trials) <= MOST_DESCRIBED
        else None,
        name=name,
        mode="markers",
        marker={"color": color, "symbol": symbol},
    )


def _layout(title: str, x: str, y: str) -> dict[str, Any]:
    return {"title": title, "xaxis_title": x, "yaxis_title": y, "template": "plotly_white"}
