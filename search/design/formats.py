"""Results of comparisons in the formats of `-f`, and where each is printed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, assert_never

from search.design.ablation_tables import path_settings
from search.design.options import Format
from search.design.report import comparison_document
from search.design.result import ComparisonResult
from search.design.tables import comparison_headline
from search.design.text import comparisons_markdown, tables
from search.statistics import ConfidenceInterval, PairAnswer
from search.statistics.screening import Effect
from search.views.csv_text import csv_text
from search.views.latex import PACKAGES, escaped, latex_table
from storage.comparison import TwoLevels

INTERVALS = ("interval", "bootstrap", "new_data", "corrected")
COLUMNS = (
    "study",
    "experiment",
    "objective",
    "first",
    "second",
    "n",
    "difference",
    "deviation",
    *(f"{name}_{end}" for name in INTERVALS for end in ("low", "high")),
    "p",
    "p_corrected",
    "p_equivalence",
    "margin",
    "verdict",
)


EFFECT_COLUMNS = (
    "study",
    "objective",
    "setting",
    "low",
    "high",
    "n",
    "effect",
    "deviation",
    *(f"{name}_{end}" for name in ("interval", "corrected") for end in ("low", "high")),
    "p_corrected",
    "p_equivalence",
    "margin",
    "verdict",
)
CANDIDATE_COLUMNS = (
    "study",
    "objective",
    "candidate",
    "selected",
    "n",
    "mean",
    "interval_low",
    "interval_high",
    "parameters",
    "epoch_seconds",
    "left",
    "recommended",
)
SHARE_COLUMNS = ("study", "objective", "part", "deviation", "share", "interval_low", "interval_high")


def results_text(results: Sequence[ComparisonResult], format_: Format) -> str:
    """All results as one text; "" as a table, in which each is printed by itself when it ends."""
    match format_:
        case "table":
            return ""
        case "json":
            return json.dumps({"comparisons": [comparison_document(result) for result in results]}, indent=2)
        case "csv":
            return results_csv(results)
        case "md":
            return comparisons_markdown(results) if results else ""
        case "latex":
            return comparisons_latex(results)
    assert_never(format_)


def results_csv(results: Sequence[ComparisonResult]) -> str:
    """A line for each pair; of a screening or an ablation for each setting, of a measurement of noise for each part of
    the variance, of a race for each candidate. One command gives results of one kind.
    """
    kinds = {result.comparison.kind for result in results}
    if kinds in ({"screening"}, {"ablation"}):
        return csv_text(EFFECT_COLUMNS, (cells for result in results for cells in effect_cells(result)))
    if kinds == {"noise"}:
        return csv_text(SHARE_COLUMNS, (cells for result in results for cells in share_cells(result)))
    if kinds == {"race"}:
        return csv_text(CANDIDATE_COLUMNS, (cells for result in results for cells in candidate_cells(result)))
    return pairs_csv(results)


def effect_cells(result: ComparisonResult) -> Iterator[tuple[Any, ...]]:
    """The cells of each setting's effect, in the objective's unit."""
    for setting, effect in named_effects(result):
        yield (
            result.study_name,
            result.manifest.objective,
            setting.name,
            setting.low,
            setting.high,
            effect.n,
            effect.effect,
            effect.deviation,
            *ends(effect.interval),
            *ends(effect.corrected),
            effect.p,
            effect.p_equivalence,
            result.comparison.margin,
            str(effect.verdict),
        )


def named_effects(result: ComparisonResult) -> Iterable[tuple[TwoLevels, Effect]]:
    """The settings with their effects: of a screening in its order, of an ablation in that of the path."""
    if result.ablated is not None:
        return zip(path_settings(result, result.ablated), result.ablated.answer.steps, strict=False)
    effects = result.screened.answer.effects if result.screened is not None else ()
    return zip(result.comparison.settings, effects, strict=False)


def share_cells(result: ComparisonResult) -> Iterator[tuple[Any, ...]]:
    """The cells of each part of the variance."""
    for part in result.noise.shares if result.noise is not None else ():
        objective = result.manifest.objective
        yield result.study_name, objective, part.name, part.deviation, part.share, *ends(part.interval)


def candidate_cells(result: ComparisonResult) -> Iterator[tuple[Any, ...]]:
    """The cells of each candidate of a race."""
    raced = result.raced
    for one in () if raced is None else raced.candidates:
        recommended = raced is not None and one.name == raced.recommended
        span = (None, None) if one.interval is None else (one.interval.low, one.interval.high)
        known = (one.name, one.selected, one.n, one.mean, *span, one.parameters, one.epoch_seconds)
        yield result.study_name, result.manifest.objective, *known, one.left, recommended


def pairs_csv(results: Sequence[ComparisonResult]) -> str:
    """A line for each pair. Differences are the first arm minus the second, in the objective's unit."""
    return csv_text(COLUMNS, (pair_cells(result, pair) for result in results for pair in pairs(result)))


def pairs(result: ComparisonResult) -> tuple[PairAnswer, ...]:
    """The pairs that there is something to say of."""
    return result.answer.pairs if result.answer is not None else ()


def pair_cells(result: ComparisonResult, pair: PairAnswer) -> tuple[Any, ...]:
    """One pair's cells."""
    intervals = (getattr(pair, name) for name in INTERVALS)
    return (
        result.study_name,
        result.comparison.experiment,
        result.manifest.objective,
        pair.first,
        pair.second,
        pair.n,
        pair.difference,
        pair.deviation,
        *(end for interval in intervals for end in ends(interval)),
        pair.p,
        pair.p_corrected,
        pair.p_equivalence,
        result.comparison.margin,
        str(pair.verdict),
    )


def ends(interval: ConfidenceInterval | None) -> tuple[float | None, float | None]:
    """Both ends, None where there is no interval."""
    return (None, None) if interval is None else (interval.low, interval.high)


def comparisons_latex(results: Sequence[ComparisonResult]) -> str:
    """The tables of all results, for a paper."""
    parts = [PACKAGES]
    for result in results:
        parts += ["", f"% {result.study_name}", "", escaped(comparison_headline(result)), ""]
        parts += [f"{latex_table(table)}\n" for table in tables(result)]
    return "\n".join(parts)
