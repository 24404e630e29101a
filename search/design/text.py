"""A comparison on the terminal and in Markdown."""

from collections.abc import Sequence

from search.design.ablation_tables import ablation_tables
from search.design.noise_tables import noise_tables
from search.design.plan import ComparisonPlan
from search.design.race_tables import race_table
from search.design.result import ComparisonResult
from search.design.screening_tables import screening_tables
from search.design.tables import (
    arms_table,
    comparison_headline,
    images_and_training,
    pairs_table,
    published_table,
    remarks,
    scores_table,
    selected_table,
)
from search.host.machine import processor, usable_processors
from search.views.answer_sentences import answer_sentences
from search.views.data_text import data_text
from search.views.layout import TextTable, fitted, table_text
from search.views.markdown import titled_table
from search.views.number import number
from storage import hide_password
from storage.comparison import Comparison


def comparison_plan_text(plan: ComparisonPlan, storage: str) -> str:
    """What a comparison is about to do in the database of that URL, in a few lines."""
    comparison, manifest = plan.comparison, plan.manifest
    looks = looks_words(comparison)
    tuned = f", each tuned by {comparison.tuned} trials first" if comparison.tuned else ""
    lines = [
        comparison.question,
        *arms_lines(comparison, tuned),
        *([f"  else as  {comparison.at}"] if comparison.at else []),
        f"  images   {images_and_training(manifest)}",
        *data_text(manifest).splitlines(),
        f"  study    {plan.study_name} in {hide_password(storage)}: {looks} replicates of each arm",
        *(
            ["  continues the study as it is" + (", with more replicates" if added(plan) else "")]
            if plan.existing
            else []
        ),
        *(f"  note     {note}" for note in plan.notes),
    ]
    return fitted("\n".join(lines) + "\n")


def looks_words(comparison: Comparison) -> str:
    """After how many replicates it is judged."""
    sizes = [look.replicates for look in comparison.looks]
    if comparison.anytime and len(sizes) > 1:
        return f"{sizes[0]} to {sizes[-1]}"
    return " or ".join(map(str, sizes))


def arms_lines(comparison: Comparison, tuned: str) -> list[str]:
    """The arms by name, or the settings of a screening with their levels."""
    if not comparison.settings:
        return [f"  arms     {', '.join(comparison.arm_names)}{tuned}"]
    settings = [f"{one.name} {number(one.low)} -> {number(one.high)}" for one in comparison.settings]
    return [f"  settings {', '.join(settings)}", f"  arms     {len(comparison.arms)} configurations of them"]


def added(plan: ComparisonPlan) -> bool:
    """Whether the plan adds replicates to a comparison that is there."""
    stored = None if plan.existing is None else plan.existing.manifest.comparison
    return stored is not None and plan.comparison.looks != stored.looks


def tables(result: ComparisonResult) -> list[TextTable]:
    """The tables of a result."""
    if result.screened is not None:
        return [*screening_tables(result, result.screened), arms_table(result)]
    if result.ablated is not None:
        return [*ablation_tables(result, result.ablated), arms_table(result)]
    if result.noise is not None:
        return noise_tables(result.noise)
    if result.raced is not None:
        return [race_table(result, result.raced)]
    published = published_table(result)
    selected = selected_table(result)
    pairs = [pairs_table(result)] if result.answer else []
    return [arms_table(result), *pairs, *(table for table in (published, selected) if table)]


def comparison_text(result: ComparisonResult) -> str:
    """The result for a terminal."""
    said = remarks(result)
    if result.raced is not None:
        said = (*answer_sentences(result.raced, result.manifest.goal), *said)
    sentences = [fitted(text) for text in (comparison_headline(result), *said)]
    return "\n".join([sentences[0], *map(table_text, tables(result)), *sentences[1:]])


def comparisons_markdown(results: Sequence[ComparisonResult]) -> str:
    """A page of results: what was asked, the command, the setting, versions, hardware, tables."""
    title = results[0].comparison.article or results[0].study_name
    sections = [section(result, titled=len(results) > 1) for result in results]
    return "\n".join([f"# {title}", "", *sections]).rstrip() + "\n"


def answer_lines(result: ComparisonResult) -> list[str]:
    """The sentences of a race, as a paragraph."""
    if result.raced is None:
        return []
    return [" ".join(answer_sentences(result.raced, result.manifest.goal)), ""]


def section(result: ComparisonResult, *, titled: bool) -> str:
    """One comparison of a page."""
    comparison, manifest = result.comparison, result.manifest
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    facts = [
        f"- Command: `{manifest.command}`",
        f"- Images: {images_and_training(manifest)}",
        *([f"- Everything else as: {comparison.at}"] if comparison.at else []),
        *([f"- Each arm tuned by {comparison.tuned} trials first"] if comparison.tuned else []),
        f"- Device: {', '.join(result.devices) or 'unknown'}; {processor()}, {usable_processors()} usable processors",
        f"- Versions: {versions}",
        f"- Made: {manifest.created_at}",
    ]
    parts = [
        *([f"## {comparison.experiment or result.study_name}", ""] if titled else []),
        comparison.question,
        "",
        *facts,
        "",
        comparison_headline(result),
        "",
        *answer_lines(result),
        *(line for table in (*tables(result), scores_table(result)) for line in (titled_table(table), "")),
        *(f"- {remark}" for remark in remarks(result)),
    ]
    return "\n".join(parts).rstrip() + "\n"
