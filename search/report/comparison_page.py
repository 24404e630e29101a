"""The page of a comparison: its verdicts first, then arms, pairs, replicates and curves.

It is no search: nothing is ranked, no trial is the best, and no parameter has an importance.
"""

from dataclasses import replace

from search.design.ablation_tables import path_table
from search.design.answer_words import KINDS, remarks, verdicts
from search.design.figures import comparison_panels
from search.design.noise_tables import noise_tables
from search.design.result import ComparisonResult
from search.design.screening_tables import effects_table, recommended_table
from search.design.tables import (
    arms_table,
    comparison_headline,
    pairs_table,
    published_table,
    scores_table,
    selected_table,
)
from search.report.cells import Bar, PageTable, page_table, scale_over
from search.report.differing import differing_table
from search.report.page import render
from search.report.provenance import comparison_provenance
from search.report.trials_table import trials_table
from search.views.facts import StudyFacts, TrialFacts
from search.views.layout import TextTable
from search.views.panels.timeline import timeline_panel
from search.views.plots import Panel

INTERVAL = "95 % interval"


def comparison_page(facts: StudyFacts, result: ComparisonResult) -> str:
    """The whole page."""
    comparison = result.comparison
    return render(
        "comparison.html",
        page_panels(facts, result),
        facts=facts,
        kind=KINDS[comparison.kind],
        question=comparison.question,
        headline=comparison_headline(result),
        verdicts=verdicts(result),
        remarks=remarks(result),
        arms=[means_table(result), *tables_of_arms(result)],
        panel_tables={
            "pairs": page_table(pairs_table(result)) if result.answer else None,
            "replicates": page_table(scores_table(result)),
            **tables_of_effects(result),
        },
        trials=trials_table(facts, ("arm", "replicate"), lambda trial: cell_words(facts, trial)),
        provenance=comparison_provenance(facts, comparison),
    )


def tables_of_effects(result: ComparisonResult) -> dict[str, PageTable]:
    """A screening's or an ablation's table of effects, next to their figures."""
    if result.ablated is not None and result.ablated.answer.steps:
        return {"effects": page_table(path_table(result, result.ablated))}
    if result.screened is None or not result.screened.answer.effects:
        return {}
    return {"effects": page_table(effects_table(result.comparison, result.screened))}


def page_panels(facts: StudyFacts, result: ComparisonResult) -> tuple[Panel, ...]:
    """The figures, in the order of the page."""
    return (*comparison_panels(result), timeline_panel(facts))


def means_table(result: ComparisonResult) -> PageTable:
    """The arms as the terminal has them, with bars."""
    return replace(page_table(arms_table(result), arm_bars(result), INTERVAL), caption="Means over replicates")


def arm_bars(result: ComparisonResult) -> list[Bar | None]:
    """The intervals of the arms' means, on one scale."""
    ends = [(arm.interval.low, arm.interval.high) for arm in result.summaries if arm.interval is not None]
    scale = scale_over(ends) if ends else None
    return [
        None
        if scale is None or arm.interval is None or arm.mean is None
        else scale.bar(arm.interval.low, arm.mean, arm.interval.high)
        for arm in result.summaries
    ]


def tables_of_arms(result: ComparisonResult) -> list[PageTable]:
    """What else is known of arms: in what they differ, what was published of them, what they were selected for."""
    tables = (differing_table(result.comparison), published_table(result), selected_table(result))
    of_noise = noise_tables(result.noise) if result.noise is not None else []
    return [page_table(table) for table in (*of_noise, *tables, *recommended(result)) if table is not None]


def recommended(result: ComparisonResult) -> list[TextTable]:
    """What a screening recommends."""
    return [] if result.screened is None or not result.screened.recommended else [recommended_table(result.screened)]


def cell_words(facts: StudyFacts, trial: TrialFacts) -> tuple[str, str]:
    """A trial's arm and replicate."""
    design, slot = facts.manifest.comparison, trial.slot.slot
    return ("", "") if design is None else (design.arm_of(slot).name, str(design.cell(slot).replicate))
