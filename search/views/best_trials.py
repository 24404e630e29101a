"""The table of the best trials, for the terminal, Markdown and the page alike."""

from collections.abc import Iterator, Sequence

from search.views.facts import StudyFacts, TrialFacts
from search.views.layout import TextTable
from search.views.number import number, score
from spaces.metrics import MetricName


def best_trials_table(facts: StudyFacts, objective: str) -> TextTable | None:
    """The best trials with the metrics that the study reports and their parameters, a baseline marked by a star; None
    while none is complete. `objective` is the name of the column of the scores.
    """
    top = facts.top
    if not top:
        return None
    names = list(dict.fromkeys(name for trial in top for name in trial.params))
    metrics = facts.manifest.report_metrics
    numbers = ("trial", objective, *metrics, "epochs")
    rows = tuple(_cells(trial, metrics, names) for trial in top)
    return TextTable("Best trials", (*numbers, *names), rows, frozenset(numbers))


def _cells(trial: TrialFacts, metrics: Sequence[MetricName], names: Sequence[str]) -> tuple[str, ...]:
    star = "" if trial.baseline is None else "*"
    params = (number(trial.params[name]) if name in trial.params else "" for name in names)
    return (
        f"{trial.number}{star}",
        score(trial.value or 0.0),
        *metric_cells(trial, metrics),
        str(trial.epochs),
        *params,
    )


def metric_cells(trial: TrialFacts, metrics: Sequence[MetricName]) -> Iterator[str]:
    """A trial's metrics, "" for one that it lacks."""
    return (score(trial.metrics[name]) if name in trial.metrics else "" for name in metrics)
