"""Figures of a search by themselves: for notebooks and, stored with the study, for optuna-dashboard."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from search.views.dashboard_attributes import save_figure
from search.views.facts import StudyFacts
from search.views.lessons import lessons
from search.views.panels.curves import curves_panel
from search.views.panels.history import history_panel
from search.views.panels.shares import shares_plot
from search.views.plots import Plot, plotly_figure
from storage import SharedStudy

if TYPE_CHECKING:
    import plotly.graph_objects as go

# A dashboard sends the figures along whenever it polls; it has a history with parameters of its own.
MOST_DESCRIBED = 200
CURVES = "curves"


@dataclass(frozen=True)
class Figure:
    """A figure with its title."""

    title: str
    plot: Plot

    def drawn(self) -> "go.Figure":
        """The figure as an object of Plotly, which takes its time to import."""
        return plotly_figure(self.plot, self.title)


def search_figures(facts: StudyFacts) -> Mapping[str, Figure]:
    """The figures by their ids: the more trials have ended, the more there is to show."""
    figures = {"history": Figure("Trials and the best so far", first(history_panel(facts).plots))}
    figures[CURVES] = Figure("Learning curves", first(curves_panel(facts).plots))
    choices = [lesson for lesson in lessons(facts.trials, facts.manifest.goal) if lesson.choices]
    plots = {f"choices-{lesson.parameter}": shares_plot(lesson) for lesson in choices}
    return figures | {name: Figure(plot.alt, plot) for name, plot in plots.items()}


def store_figures(shared: SharedStudy, facts: StudyFacts) -> None:
    """Stores the figures with the study, in the place of those stored before; without the curves, which a dashboard
    draws itself.
    """
    for name, figure in search_figures(facts).items():
        if name != CURVES:
            small = figure if len(facts.trials) <= MOST_DESCRIBED else undescribed(figure)
            save_figure(shared, name, small.drawn())


def first(plots: tuple[Plot, ...]) -> Plot:
    """The first of them, an empty one without any."""
    return plots[0] if plots else Plot("", ())


def undescribed(figure: Figure) -> Figure:
    """The figure without the parameters of each trial."""
    bare = [{name: value for name, value in trace.items() if name != "text"} for trace in figure.plot.data]
    return replace(figure, plot=replace(figure.plot, data=bare))
