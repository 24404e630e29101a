"""The results of a search as Python objects, for notebooks and programs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.api.figure_file import save_figure
from search.api.html import html_page
from search.design.figures import comparison_figures
from search.design.formats import COLUMNS, ends, pair_cells, pairs
from search.design.result import ComparisonResult
from search.design.stored_result import comparison_of
from search.design.tables import comparison_headline
from search.design.text import comparison_text, tables
from search.errors import UsageError
from search.statistics import ArmSummary
from search.study.test_score import TestScore
from search.views.answer_text import answer_text, test_text, top_text
from search.views.best_trials import best_trials_table
from search.views.facts import StudyFacts, TrialFacts, gather_facts
from search.views.figures import Figure, search_figures
from search.views.sentences import answered, headline
from spaces.epoch_scores import EpochScores
from spaces.names import unknown_name
from storage import Manifest, SharedStudy

if TYPE_CHECKING:
    import pandas
    import plotly.graph_objects as go

KNOWN_ELSEWHERE = frozenset({"outcome", "slot", "token", "epochs", "reason", "failure"})  # by the ledger


@dataclass(frozen=True)
class Result:
    """A snapshot of a study; `search.load` takes a new one. Printing it shows the study's status.

    `comparison` is what a designed comparison says so far, None for a search.
    """

    facts: StudyFacts = field(repr=False)
    comparison: ComparisonResult | None = field(default=None, repr=False)

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
        """The score on the test images, which nothing else has seen, of the model that the answer recommends, or of the
        best trial's if there is no answer; None until it is measured.
        """
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

    @property
    def arms(self) -> "pandas.DataFrame":
        """A row for each arm of a comparison: n, mean, standard deviation, interval; none for a search."""
        summaries = self.comparison.summaries if self.comparison is not None else ()
        return data_frame([arm_row(arm) for arm in summaries], index="arm")

    @property
    def pairs(self) -> "pandas.DataFrame":
        """A row for each pair of arms of a comparison: difference, intervals, p-values, verdict; none for a search."""
        rows = [] if self.comparison is None else pair_rows(self.comparison)
        return data_frame(rows, index=["first", "second"])

    def figure(self, name: str) -> "go.Figure":
        """A Plotly figure, of those that `figure_names` lists; raises UsageError for another name."""
        figures = self._figures()
        if name not in figures:
            raise UsageError(unknown_name("figure", name, list(figures)))
        return figures[name].drawn()

    def save_figure(self, name: str, path: str | Path) -> None:
        """Writes a figure to a file: NAME.svg, NAME.pdf or NAME.png. Needs the extra `figures`, and Chrome or Chromium.

        Raises:
            UsageError: there is no such figure or format, something isn't installed, or the file can't be written.
        """
        save_figure(self.figure(name), Path(path))

    @property
    def figure_names(self) -> list[str]:
        """The figures that there are: the more trials have ended, the more there is to show."""
        return list(self._figures())

    def _figures(self) -> Mapping[str, Figure]:
        return search_figures(self.facts) if self.comparison is None else comparison_figures(self.comparison)

    def __str__(self) -> str:
        if self.comparison is not None:
            return comparison_text(self.comparison).rstrip()
        parts = (headline(self.facts), top_text(self.facts), test_text(self.facts), answer_text(self.facts))
        return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        """What a notebook shows: sentences and tables."""
        if self.comparison is not None:
            return html_page([comparison_headline(self.comparison)], tables(self.comparison))
        best = best_trials_table(self.facts, self.facts.manifest.objective)
        said = [text for text in (headline(self.facts), test_text(self.facts), *answered(self.facts)) if text]
        return html_page(said, [best] if best is not None else [])


def take_result(shared: SharedStudy) -> Result:
    """The study as it is now.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    return Result(gather_facts(shared), comparison_of(shared))


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


def arm_row(arm: ArmSummary) -> dict[str, Any]:
    """What a table says of an arm."""
    low, high = ends(arm.interval)
    return {"arm": arm.name, "n": arm.n, "mean": arm.mean, "deviation": arm.deviation, "low": low, "high": high}


def pair_rows(result: ComparisonResult) -> list[dict[str, Any]]:
    """What a table says of each pair."""
    return [dict(zip(COLUMNS, pair_cells(result, pair), strict=True)) for pair in pairs(result)]


def data_frame(rows: list[dict[str, Any]], index: str | list[str]) -> "pandas.DataFrame":
    """The rows as a pandas table."""
    import pandas

    return pandas.DataFrame(rows).set_index(index) if rows else pandas.DataFrame()
