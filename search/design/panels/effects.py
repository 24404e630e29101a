"""The effects of a screening: a half-normal plot, and each setting with its interval."""

from collections.abc import Sequence
from typing import Any

from scipy import stats

from search.design.panels.differences import THICK, forest_layout, in_points, whiskers
from search.design.result import ComparisonResult
from search.design.screening_tables import sum_name
from search.statistics import Verdict
from search.statistics.screening import Effect
from search.views import palette
from search.views.plots import Panel, Plot, axis, layout, plain

TITLE = "Effects"
ROW_HEIGHT = 36


def effects_panel(result: ComparisonResult) -> Panel | None:
    """Both plots; None unless there are effects."""
    if result.ablated is not None and result.ablated.answer.steps:
        return path_panel(result.ablated.answer.steps, result.comparison.margin)
    if result.screened is None or not result.screened.answer.effects:
        return None
    answer = result.screened.answer
    note = (
        "An effect is the high level minus the low one, in points. Shaded: too small to matter. In the half-normal "
        "plot, effects of settings that do nothing lie on a line through the origin: what stands out to the right "
        "matters."
    )
    plots = (intervals(answer.effects, answer.margin), half_normal(answer.effects, answer.interactions))
    return Panel("effects", TITLE, plots, (note,))


def path_panel(steps: Sequence[Effect], margin: float) -> Panel:
    """The steps of an ablation, one below the other."""
    note = (
        "Steps of the path from top to bottom: what changing each setting does after those above it, in points. "
        "Shaded: too small to matter."
    )
    return Panel("effects", TITLE, (intervals(steps, margin),), (note,))


def intervals(effects: Sequence[Effect], margin: float) -> Plot:
    """Each setting's effect with its interval; the margin is shaded."""
    names = [plain(effect.name) for effect in effects]
    trace = whiskers(
        "effect",
        names,
        [in_points(effect.effect) for effect in effects],
        [effect.interval for effect in effects],
        THICK,
        palette.BLUE,
    )
    look = forest_layout("effect in points", names, margin, row_height=ROW_HEIGHT)
    return Plot("Effects of the settings with their 95 % intervals.", [trace], look)


def half_normal(effects: Sequence[Effect], interactions: Sequence[Effect]) -> Plot:
    """The sizes of all effects against those that normal noise would have (Daniel 1959)."""
    ordered = sorted((*effects, *interactions), key=lambda effect: abs(effect.effect))
    quantiles = [float(stats.halfnorm.ppf((rank - 0.5) / len(ordered))) for rank in range(1, len(ordered) + 1)]
    placed = list(zip(ordered, quantiles, strict=True))
    largest = in_points(abs(ordered[-1].effect))
    main = [pair for pair in placed if len(pair[0].terms[0][1]) == 1]
    traces = [
        points_of("setting", "circle", palette.BLUE, main, largest),
        points_of("interactions", "diamond-open", palette.GRAY, [pair for pair in placed if pair not in main], largest),
    ]
    look = layout(
        axis("size of the effect in points", rangemode="tozero"),
        axis("half-normal quantile", rangemode="tozero"),
        height=150 + ROW_HEIGHT * len(effects),
    )
    return Plot("Half-normal plot of the effects.", [trace for trace in traces if trace["x"]], look)


def points_of(
    name: str, symbol: str, color: str, placed: Sequence[tuple[Effect, float]], largest: float
) -> dict[str, Any]:
    """One kind of effect as points, named where they are claimed."""
    sizes = [in_points(abs(effect.effect)) for effect, _ in placed]
    claimed = [effect.verdict in (Verdict.BETTER, Verdict.WORSE) for effect, _ in placed]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": name,
        "x": sizes,
        "y": [round(quantile, 4) for _, quantile in placed],
        "text": [plain(sum_name(effect)) if said else "" for (effect, _), said in zip(placed, claimed, strict=True)],
        "textposition": ["middle left" if 2 * size > largest else "middle right" for size in sizes],
        "hovertext": [plain(sum_name(effect)) for effect, _ in placed],
        "hovertemplate": "%{hovertext}: %{x:.2f}<extra></extra>",
        "marker": {"color": color, "symbol": symbol, "size": 9},
    }
