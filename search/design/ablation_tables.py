"""The tables and sentences of an ablation: for the terminal, Markdown and the report alike."""

from collections.abc import Iterator

from search.design.ablated import Ablated
from search.design.cell_text import points, points_span
from search.design.result import ComparisonResult
from search.design.screening_tables import measured, measured_cells, verdict
from search.statistics import Verdict
from search.statistics.ablation import Whole
from search.views.layout import TextTable
from search.views.number import number
from storage.comparison import TwoLevels


def path_settings(result: ComparisonResult, ablated: Ablated) -> tuple[TwoLevels, ...]:
    """The settings in the path's order."""
    return tuple(result.comparison.settings[place] for place in ablated.answer.path)


def path_table(result: ComparisonResult, ablated: Ablated) -> TextTable:
    """Each step of the path, with what it changes, its effect, the interval, the p-value and the verdict."""
    answer = ablated.answer
    return TextTable(
        f"The path from {result.comparison.at or 'low to high'}, in points; margin "
        f"{points(result.comparison.margin).lstrip('+')}",
        ("step", "setting", "from", "to", "n", "effect", "95 % interval", "p (Holm)", "verdict"),
        tuple(
            (str(place), one.name, number(one.low), number(one.high), *measured_cells(effect), verdict(effect))
            for place, (one, effect) in enumerate(
                zip(path_settings(result, ablated), answer.steps, strict=True), start=1
            )
        ),
    )


def ablation_tables(result: ComparisonResult, ablated: Ablated) -> list[TextTable]:
    """The table, when there is something in it."""
    return [path_table(result, ablated)] if ablated.answer.steps else []


def ablation_headline(result: ComparisonResult, ablated: Ablated) -> str:
    """What was found, in one sentence."""
    answer, settings = ablated.answer, len(result.comparison.settings)
    begun = f"The ablation {result.study_name} of {settings} settings"
    if not answer.steps:
        known = ", ".join(one.name for one in path_settings(result, ablated)) or "nothing yet"
        return f"{begun} isn't complete: of the path, {known} is known."
    counted = {one: sum(step.verdict is one for step in answer.steps) for one in Verdict}
    return (
        f"{begun} is {'complete' if result.scores.complete else 'not complete'}: "
        f"{counted[Verdict.BETTER] + counted[Verdict.WORSE]} steps matter, {counted[Verdict.EQUIVALENT]} stay within "
        f"the margin, {counted[Verdict.UNDECIDED]} are undecided{whole_words(answer.whole)}."
    )


def whole_words(whole: Whole | None) -> str:
    """What the whole path does."""
    if whole is None:
        return ""
    return f"; all together {points(whole.effect)} points, 95 % interval {points_span(whole.interval)}"


def ablation_sentences(result: ComparisonResult, ablated: Ablated) -> Iterator[tuple[str, str]]:
    """What is claimed of each step, and what that rests on, in the path's order."""
    if not ablated.answer.steps:
        yield "No step can be estimated yet.", "That takes two replicates of every configuration of the path."
    for setting, effect in zip(path_settings(result, ablated), ablated.answer.steps, strict=False):
        yield f"{setting.name}: {verdict(effect)}.", measured(setting, effect)


def ablation_remarks(ablated: Ablated) -> tuple[str, ...]:
    """How the table is to be read."""
    return (
        "A step's effect is what changing the setting does after those before it, on these images with other splits "
        f"and seeds. {ablated.chosen_on} replicates chose the path, {ablated.estimated_on} others estimate its steps, "
        "so that choosing doesn't flatter them. An arm's name has a + for each setting that is as at the path's end, "
        "a - for each that is as at its beginning.",
    )
