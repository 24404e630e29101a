"""The results of a search as Python objects, for notebooks and programs."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search.errors import UsageError
from search.study.test_score import TestScore
from search.views.answer_text import test_text, top_text
from search.views.facts import StudyFacts, TrialFacts, gather_facts
from search.views.figures import search_figures
from search.views.sentences import headline
from spaces.epoch_scores import EpochScores
from spaces.names import unknown_name
from storage import Manifest, SharedStudy

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects as go

KNOWN_ELSEWHERE = frozenset({"outcome", "slot", "token", "epochs", "reason", "failure"})  # by the ledger


@dataclass(frozen=True)
class Result:
    """A snapshot of a study; `search.load` takes a new one. Printing it shows the study's status."""

    facts: StudyFacts = field(repr=False)

    @property
    def study_name(self) -> str:
        """The study's name in its database."""
        return self.facts.name

    @property
    def manifest(self) -> Manifest:
        """The space, images and versions of the study."""
        return self.facts.manifest

    @property
    def best(self) -> TrialFacts | None:
        """The best trial: its `number`, `value`, `params` and `epochs`. None if none is complete."""
        return self.facts.best

    @property
    def test(self) -> TestScore | None:
        """The best model's score on the test images, which nothing else has seen; None until it is measured."""
        return self.facts.test

    @property
    def trials(self) -> "pandas.DataFrame":
        """A row for each trial: its state, value, epochs, seconds, parameters, and measurements of its worker."""
        return data_frame([trial_row(trial) for trial in self.facts.trials], index="number")

    @property
    def curves(self) -> "pandas.DataFrame":
        """A row for each epoch of each trial: losses, accuracies, seconds, learning rate."""
        rows = [{"trial": trial.number, **scores_of(row)} for trial in self.facts.trials for row in trial.curve]
        return data_frame(rows, index=["trial", "epoch"])

    def figure(self, name: str) -> "go.Figure":
        """A Plotly figure, of those that `figure_names` lists; raises UsageError for another name."""
        figures = search_figures(self.facts)
        if name not in figures:
            raise UsageError(unknown_name("figure", name, list(figures)))
        return figures[name].drawn()

    @property
    def figure_names(self) -> list[str]:
        """The figures that there are: the more trials have ended, the more there is to show."""
        return list(search_figures(self.facts))

    def __str__(self) -> str:
        parts = (headline(self.facts), top_text(self.facts), test_text(self.facts))
        return "\n".join(part for part in parts if part)


def take_result(shared: SharedStudy) -> Result:
    """The study as it is now.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    return Result(gather_facts(shared))


def trial_row(trial: TrialFacts) -> dict[str, Any]:
    """What a table says of a trial. Parameters and measurements come last; a parameter goes before a measurement."""
    attributes = {name: value for name, value in trial.frozen.user_attrs.items() if name not in KNOWN_ELSEWHERE}
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "epochs": trial.epochs,
        "seconds": (trial.ended - trial.began).total_seconds() if trial.began and trial.ended else None,
        "reason": trial.reason or None,
        "failure": trial.kind,
        **attributes,
        **trial.params,
    }


def scores_of(row: EpochScores) -> dict[str, Any]:
    """The scores of an epoch by their names."""
    return {name: getattr(row, name) for name in row.__struct_fields__}


def data_frame(rows: list[dict[str, Any]], index: str | list[str]) -> "pandas.DataFrame":
    """The rows as a pandas table; pandas isn't needed for anything else."""
    try:
        import pandas
    except ImportError as error:
        raise UsageError("tables need pandas, which isn't installed: pip install pandas") from error
    return pandas.DataFrame(rows).set_index(index) if rows else pandas.DataFrame()
