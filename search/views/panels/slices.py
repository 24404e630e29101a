"""The score against one parameter at a time."""

import zlib
from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution

from search.views.facts import StudyFacts, TrialFacts
from search.views.importances import Importances
from search.views.plots import Panel, Plot, axis, by_state, layout, plain, points

TITLE = "One parameter at a time"
LINK = "Parameters"
MOST = 6
JITTER = 0.5


def slices_panel(facts: StudyFacts, found: Importances) -> Panel | None:
    """A scatter plot for each of the most important parameters; None for a space without any."""
    names = [name for name, _ in ordered_parameters(facts, found)][:MOST]
    if not names:
        return None
    scored = [trial for trial in facts.scored if trial.state in ("complete", "pruned")]
    if not scored:
        return Panel("slices", TITLE, notes=("No trial has a score yet.",), link=LINK)
    plots = tuple(slice_plot(facts, name, scored) for name in names)
    notes = ("Trials differ in their other parameters too, and the sampler tries more where it found good scores.",)
    return Panel("slices", TITLE, plots, notes, LINK)


def ordered_parameters(facts: StudyFacts, found: Importances) -> list[tuple[str, BaseDistribution]]:
    """All parameters and their distributions: the important ones first, then the others as the space asks for them."""
    seen: dict[str, BaseDistribution] = {}
    for trial in facts.trials:
        for name, distribution in trial.distributions.items():
            if not distribution.single():
                seen.setdefault(name, distribution)
    first = [name for name in found.names if name in seen]
    return [(name, seen[name]) for name in [*first, *(name for name in seen if name not in first)]]


def slice_plot(facts: StudyFacts, name: str, scored: Sequence[TrialFacts]) -> Plot:
    """One parameter: along the figure if it is a number, a row for each of its choices otherwise."""
    distribution = next(trial.distributions[name] for trial in facts.trials if name in trial.distributions)
    choices = choices_of(distribution)
    traces = []
    for state, group in by_state([trial for trial in scored if name in trial.params]):
        places, values = [place(trial, name, choices) for trial in group], [trial.value for trial in group]
        traces.append(points(state, group, values, places) if choices else points(state, group, places, values))
    own, score = axis(name, **scale(distribution, choices)), axis(facts.manifest.goal.label)
    look = layout(score, own) if choices else layout(own, score)
    alt = f"Scatter plot of {facts.manifest.goal.label} by {name}."
    return Plot(alt, traces, {**look, "height": 300, "showlegend": False})


def choices_of(distribution: BaseDistribution) -> tuple[str, ...]:
    """The choices of a categorical parameter; none of a number."""
    return tuple(map(str, distribution.choices)) if isinstance(distribution, CategoricalDistribution) else ()


def place(trial: TrialFacts, name: str, choices: Sequence[str]) -> float:
    """Where on the axis the trial lies. Choices are spread a little, always alike, so that no point is hidden."""
    value = trial.params[name]
    if not choices:
        return float(value)
    spread = zlib.crc32(f"{name} {trial.number}".encode()) / 2**32 - 0.5
    return round(choices.index(str(value)) + JITTER * spread, 3)


def scale(distribution: BaseDistribution, choices: Sequence[str]) -> dict[str, Any]:
    """The settings of the parameter's axis: logarithmic if it is drawn so, the names of choices."""
    if choices:
        named = [plain(choice).replace("_", "<br>", 1) for choice in choices]
        ticks = {"tickmode": "array", "tickvals": list(range(len(choices))), "ticktext": named}
        return {**ticks, "range": [-0.6, len(choices) - 0.4]}
    return {"type": "log", "exponentformat": "power", "dtick": 1} if getattr(distribution, "log", False) else {}
