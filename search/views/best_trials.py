"""The table of the best trials, for the terminal, Markdown and the page alike."""

from collections.abc import Sequence

from search.views.facts import StudyFacts, TrialFacts
from search.views.layout import TextTable
from search.views.number import number, score

NUMBERS = 3  # columns before those of the parameters


def best_trials_table(facts: StudyFacts, objective: str) -> TextTable | None:
    """The best trials with their parameters, a baseline marked by a star; None while none is complete. `objective` is
    the name of the column of the scores.
    """
    top = facts.top
    if not top:
        return None
    names = list(dict.fromkeys(name for trial in top for name in trial.params))
    columns = ("trial", objective, "epochs", *names)
    return TextTable("Best trials", columns, tuple(_cells(trial, names) for trial in top), frozenset(columns[:NUMBERS]))


def _cells(trial: TrialFacts, names: Sequence[str]) -> tuple[str, ...]:
    star = "" if trial.baseline is None else "*"
    params = (number(trial.params[name]) if name in trial.params else "" for name in names)
    return (f"{trial.number}{star}", score(trial.value or 0.0), str(trial.epochs), *params)
