"""What optuna-dashboard shows is written as its own functions write it."""

from typing import Any

import optuna
import optuna_dashboard
import plotly.graph_objects as go
from optuna.storages import BaseStorage, InMemoryStorage

from search.views.dashboard_attributes import LONGEST, get_note, save_figure, save_note
from tests.helpers.lab import Lab

SHORT, LONG = "a short nöte", "".join(chr(97 + number % 26) for number in range(3 * LONGEST + 5))
EMPTY, TWO_PARTS = "", "x" * (2 * LONGEST)


def attributes(storage: BaseStorage, study_id: int) -> dict[str, Any]:
    kept = storage.get_study_system_attrs(study_id)
    return {name: value for name, value in kept.items() if name.startswith("dashboard:")}


def test_notes_are_written_as_by_the_dashboard(lab: Lab) -> None:
    ours, theirs = lab.study(1), InMemoryStorage()
    study = optuna.create_study(storage=theirs)
    trial = study.ask()
    for text in (SHORT, LONG, TWO_PARTS, EMPTY, SHORT):
        save_note(ours, text)
        save_note(ours, text, trial_id=trial.number)  # which is its id, in memory
        optuna_dashboard.save_note(study, text)
        optuna_dashboard.save_note(trial, text)
        assert attributes(ours.trials.storage, ours.study_id) == attributes(theirs, 0)


def test_a_note_is_read_as_it_was_written(lab: Lab) -> None:
    shared = lab.study(1)
    assert get_note(shared) == ""
    for text in (LONG, SHORT, TWO_PARTS):
        save_note(shared, text)
        assert get_note(shared) == text


def test_figures_are_written_as_by_the_dashboard(lab: Lab) -> None:
    ours, theirs = lab.study(1), InMemoryStorage()
    study = optuna.create_study(storage=theirs)
    for points in (2, 3000, 2):
        figure = go.Figure(go.Scatter(x=list(range(points)), y=list(range(points))))
        save_figure(ours, "history", figure)
        optuna_dashboard.save_plotly_graph_object(study, figure, graph_object_id="history")
        assert attributes(ours.trials.storage, ours.study_id) == attributes(theirs, 0)
