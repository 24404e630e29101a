"""The results of a search as Python objects, for notebooks and programs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from search.errors import UsageError
from search.study.test_score import TestScore
from search.views import figures
from search.views.summary import Summary, TrialLine, summarize
from search.views.summary_text import headline, test_line, top_table
from spaces.names import unknown_name
from storage import Manifest, SharedStudy
from storage.records import TrialEpoch

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Result:
    """A study at one moment; `search.load` takes a new one. Printed, it says how the study stands."""

    summary: Summary
    _trials: tuple[FrozenTrial, ...] = field(repr=False)
    _epochs: tuple[TrialEpoch, ...] = field(repr=False)

    @property
    def study_name(self) -> str:
        """The study's name in its database."""
        return self.summary.study_name

    @property
    def manifest(self) -> Manifest:
        """What was searched, on which images, with which versions."""
        return self.summary.manifest

    @property
    def best(self) -> TrialLine | None:
        """The best trial: its `number`, `value`, `params` and `epochs`. None if none is complete."""
        return self.summary.best

    @property
    def test(self) -> TestScore | None:
        """How the best model does on the test images, which nothing else has seen; None until it was measured."""
        return self.summary.test

    @property
    def trials(self) -> "pandas.DataFrame":
        """A row for each trial: its state, value, epochs, seconds, parameters, and other attributes."""
        rows = [trial_row(trial) for trial in self._trials]
        return data_frame(rows, index="number")

    @property
    def curves(self) -> "pandas.DataFrame":
        """A row for each epoch of each trial: losses, accuracies, seconds, learning rate."""
        rows = [{"trial": one.trial_number, **scores_of(one)} for one in self._epochs]
        return data_frame(rows, index=["trial", "epoch"])

    def figure(self, name: str) -> go.Figure:
        """A Plotly figure, of those that `figure_names` lists; raises UsageError for another name."""
        figures_ = self._figures()
        if name not in figures_:
            raise UsageError(unknown_name("figure", name, list(figures_)))
        return figures_[name]()

    @property
    def figure_names(self) -> list[str]:
        """The figures that there are: the more trials have ended, the more is there to show."""
        return list(self._figures())

    def __str__(self) -> str:
        parts = (headline(self.summary), top_table(self.summary), test_line(self.summary))
        return "\n".join(part for part in parts if part)

    def _figures(self) -> dict[str, Callable[[], go.Figure]]:
        goal, objective = self.manifest.goal, self.manifest.objective
        drawn: dict[str, Callable[[], go.Figure]] = {
            "history": lambda: figures.history(self._trials, goal),
            "curves": lambda: figures.curves(self._trials, objective),
        }
        for lesson in self.summary.lessons:
            if lesson.choices:
                drawn[f"choices-{lesson.parameter}"] = partial(figures.choice_shares, lesson)
        return drawn


def take_result(shared: SharedStudy, duration_s: float = 0.0) -> Result:
    """The study as it is now.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    with shared.translated():
        trials = shared.study.get_trials()
    return Result(summarize(shared, duration_s), tuple(trials), tuple(shared.ledger.all_epochs()))


def trial_row(trial: FrozenTrial) -> dict[str, Any]:
    """What a table says of a trial. Parameters and attributes come last; a parameter goes before an attribute."""
    attributes = {name: value for name, value in trial.user_attrs.items() if name not in ("outcome", "slot", "token")}
    return {
        "number": trial.number,
        "state": trial.user_attrs.get("outcome", trial.state.name.lower()),
        "value": trial.value,
        "epochs": len(trial.intermediate_values),
        "seconds": trial.duration.total_seconds() if trial.duration is not None else None,
        **{name: value for name, value in attributes.items() if name != "epochs"},
        **trial.params,
    }


def scores_of(one: TrialEpoch) -> dict[str, Any]:
    """The scores of an epoch by their names."""
    return {name: getattr(one.scores, name) for name in one.scores.__struct_fields__}


def data_frame(rows: list[dict[str, Any]], index: str | list[str]) -> "pandas.DataFrame":
    """The rows as a table of pandas, which needn't be there for anything else."""
    try:
        import pandas
    except ImportError as error:
        raise UsageError("tables need pandas, which isn't installed: pip install pandas") from error
    return pandas.DataFrame(rows).set_index(index) if rows else pandas.DataFrame()
