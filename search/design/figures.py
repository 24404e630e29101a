"""The figures of a comparison, stored with its study: optuna-dashboard shows them on the study's page."""

from collections.abc import Iterator
from types import MappingProxyType

from search.design.panels.arm_curves import arm_curves_panel
from search.design.panels.confusions import confusions_panel
from search.design.panels.differences import differences_panel
from search.design.panels.effects import effects_panel
from search.design.panels.replicates import replicates_panel
from search.design.result import ComparisonResult
from search.views.dashboard_attributes import save_figure
from search.views.figures import Figure
from search.views.panels.race import race_panel
from search.views.plots import Panel
from storage import SharedStudy

NAMES = MappingProxyType(
    {
        "effects": "effects",
        "pairs": "pairs",
        "replicates": "arms",
        "curves": "curves",
        "confusions": "confusion",
        "race": "race",
    }
)


def store_comparison_figures(shared: SharedStudy, result: ComparisonResult) -> None:
    """Stores the figures with the study, in the place of those stored before."""
    for name, figure in comparison_figures(result).items():
        save_figure(shared, f"comparison-{name}", figure.drawn())


def comparison_panels(result: ComparisonResult) -> Iterator[Panel]:
    """Effects or pairs, replicates, curves and confusions, as far as there is something to draw."""
    panels = (
        race_panel(result.raced, result.manifest.goal),
        effects_panel(result),
        differences_panel(result),
        replicates_panel(result),
        arm_curves_panel(result),
        confusions_panel(result),
    )
    return (panel for panel in panels if panel is not None)


def comparison_figures(result: ComparisonResult) -> dict[str, Figure]:
    """The figures by their names, numbered where a panel has several."""
    figures: dict[str, Figure] = {}
    for panel in comparison_panels(result):
        for number, plot in enumerate(panel.plots):
            name = f"{NAMES[panel.key]}{f'-{number}' if len(panel.plots) > 1 else ''}"
            figures[name] = Figure(f"{result.study_name}: {panel.title}", plot)
    return figures
