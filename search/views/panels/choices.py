"""Two categorical parameters against each other: where the good trials are, and how many were tried at all."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import CategoricalDistribution

from search.views import palette
from search.views.facts import StudyFacts
from search.views.importances import Importances
from search.views.lessons import FEWEST, best_quarter, ranking
from search.views.plots import Panel, Plot, axis, layout, plain

PREFERRED = ("batch_norm", "dropout_position")
LINK = "Choices"
HARDLY = 3
FEW = 5
SOME = 10
# How opaque a cell is, by how many trials it is about: one of one must not outshine eight of ten.
FADING = {(1, HARDLY): 0.1, (HARDLY, FEW): 0.25, (FEW, SOME): 0.6, (SOME, math.inf): 1.0}


@dataclass(frozen=True)
class Cell:
    """Trials with one choice of each parameter: how many there are, and how many of them are in the best quarter."""

    n: int
    best: int


Cells = Sequence[Sequence[Cell]]


def choices_panel(facts: StudyFacts, found: Importances) -> Panel | None:
    """A heat map of the share of trials in the best quarter, with counts; None without two categorical parameters."""
    pair = chosen_pair(facts, found)
    if pair is None:
        return None
    (x, columns), (y, rows) = pair
    title = f"{y} and {x}"
    ranked = ranking(facts.trials, facts.manifest.goal)
    if len(ranked) < FEWEST:
        note = f"Not shown: {len(ranked)} finished trials are too few for a best quarter, it takes {FEWEST}."
        return Panel("choices", title, notes=(note,), link=LINK)
    best = best_quarter(ranked)

    def cell(row: str, column: str) -> Cell:
        having = [t.number for t in ranked if str(t.params.get(y)) == row and str(t.params.get(x)) == column]
        return Cell(len(having), len(best.intersection(having)))

    cells = [[cell(row, column) for column in columns] for row in rows]
    traces = [
        heat(x, columns, y, rows, faded, opacity)
        for (least, most), opacity in FADING.items()
        if (faded := within(cells, least, most))
    ]
    alt = f"Heat map of {y} and {x}: of the trials with each pair of choices, how many are in the best quarter."
    look = layout(axis(x, showgrid=False), axis(y, showgrid=False), height=180 + 46 * len(rows))
    few = sum(each.n < FEW for line in cells for each in line)
    return Panel("choices", title, (Plot(alt, traces, look),), notes(few, len(columns) * len(rows)), LINK)


def within(cells: Cells, least: float, most: float) -> Cells | None:
    """The cells of at least and of fewer than this many trials, the others empty; None if all are."""
    kept = [[each if least <= each.n < most else Cell(0, 0) for each in line] for line in cells]
    return kept if any(each.n for line in kept for each in line) else None


def heat(x: str, columns: Sequence[str], y: str, rows: Sequence[str], cells: Cells, opacity: float) -> dict[str, Any]:
    """Cells as a heat map, so opaque."""
    return {
        "type": "heatmap",
        "x": [plain(column) for column in columns],
        "y": [plain(row) for row in rows],
        "z": [[round(each.best / each.n, 3) if each.n else None for each in line] for line in cells],
        "text": [[f"{each.best} of {each.n}" if each.n else "" for each in line] for line in cells],
        "texttemplate": "%{text}",
        "colorscale": palette.SCALE,
        "zmin": 0,
        "zmax": 1,
        "xgap": 2,
        "ygap": 2,
        "opacity": opacity,
        "hoverongaps": False,
        "colorbar": {"title": {"text": "share"}, "tickformat": ".0%", "thickness": 12},
        "hovertemplate": f"{plain(y)} %{{y}}<br>{plain(x)} %{{x}}<br>%{{text}} in the best quarter<extra></extra>",
    }


def notes(few: int, cells: int) -> tuple[str, ...]:
    """What the numbers in the cells are, and how much they are worth."""
    what = (
        "Of the trials with each pair of choices, how many are in the best quarter of all. Empty: never tried. Cells "
        f"are pale where there are fewer than {SOME} trials, and very pale with fewer than {FEW}."
    )
    sparse = f"{few} of the {cells} pairs were tried less than {FEW} times, which says next to nothing of them. "
    rest = "The sampler tries more of what looks good, and the trials differ in everything else as well."
    return what, f"{sparse if few else ''}{rest}"


def chosen_pair(
    facts: StudyFacts, found: Importances
) -> tuple[tuple[str, Sequence[str]], tuple[str, Sequence[str]]] | None:
    """Two categorical parameters and their choices: the preferred ones, else the most important ones."""
    choices: dict[str, tuple[str, ...]] = {}
    for trial in facts.trials:
        for name, distribution in trial.distributions.items():
            if isinstance(distribution, CategoricalDistribution) and len(distribution.choices) > 1:
                choices.setdefault(name, tuple(map(str, distribution.choices)))
    if len(choices) < 2:
        return None
    if set(PREFERRED) <= choices.keys():
        y, x = PREFERRED
    else:
        ordered = [name for name in found.names if name in choices]
        y, x = [*ordered, *(name for name in choices if name not in ordered)][:2]
    if len(choices[x]) > len(choices[y]):
        x, y = y, x  # the longer list downwards, where a narrow screen has room
    return (x, choices[x]), (y, choices[y])
