"""The table of all trials, which the page sorts and filters."""

from collections.abc import Callable, Sequence
from typing import Any

from search.report.cells import Cell, PageTable
from search.views.best_trials import metric_cells
from search.views.facts import StudyFacts, TrialFacts
from search.views.number import number, score
from search.views.numeric_columns import numeric_columns
from spaces.metrics import MetricName

Described = Callable[[TrialFacts], Sequence[Any]]


def trials_table(facts: StudyFacts, own: Sequence[str], described: Described) -> PageTable:
    """The table; `own` are the columns that tell trials of this kind of study apart, which `described` fills."""
    metrics = facts.manifest.report_metrics
    scores = (facts.manifest.goal.label, *metrics)
    columns = ("trial", "state", *scores, "epochs", "seconds", "attempts", *own, "worker", "reason")
    rows = tuple(trial_row(trial, metrics, described(trial)) for trial in facts.trials)
    right = numeric_columns(columns, [[cell.text for cell in row] for row in rows])
    return PageTable("All trials", columns, rows, right)


def trial_row(trial: TrialFacts, metrics: Sequence[MetricName], own: Sequence[Any]) -> tuple[Cell, ...]:
    """One trial."""
    seconds = sum(row.seconds for row in trial.curve)
    value = "" if trial.value is None else score(trial.value)
    scores = (value, *metric_cells(trial, metrics))
    texts: list[Any] = [trial.number, trial.state, *scores, trial.epochs, f"{seconds:.1f}", trial.attempts, *own]
    return tuple(Cell(number(text), key=sort_key(text)) for text in (*texts, trial.worker, trial.reason))


def sort_key(value: Any) -> str:
    """What a cell is sorted by: a number in full, or its text."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
