"""The tables and sentences of a screening: for the terminal, Markdown and the report alike."""

from collections.abc import Iterator
from typing import assert_never

from search.design.cell_text import NOTHING, p_value, points, points_span
from search.design.result import ComparisonResult
from search.design.screened import Screened, Why
from search.statistics import Verdict
from search.statistics.screening import MOST_MISSING, Effect
from search.views.layout import TextTable
from search.views.number import number
from storage.comparison import Comparison, TwoLevels

# A sum of more pairs than these is named by their number.
MOST_NAMED = 4


def screening_tables(result: ComparisonResult, screened: Screened) -> list[TextTable]:
    """The tables, as far as there is something in them."""
    if not screened.answer.effects:
        return []
    interactions = [interactions_table(screened)] if screened.answer.interactions else []
    return [effects_table(result.comparison, screened), *interactions, recommended_table(screened)]


def effects_table(comparison: Comparison, screened: Screened) -> TextTable:
    """Each setting with its levels, its effect, the interval, the p-value and the verdict."""
    answer = screened.answer
    return TextTable(
        f"Settings: high minus low, in points; margin {points(answer.margin).lstrip('+')}",
        ("setting", "low", "high", "n", "effect", "95 % interval", "p (Holm)", "verdict"),
        tuple(
            (setting.name, number(setting.low), number(setting.high), *measured_cells(effect), verdict(effect))
            for setting, effect in zip(comparison.settings, answer.effects, strict=True)
        ),
    )


def interactions_table(screened: Screened) -> TextTable:
    """The sums of interactions that the design can tell apart."""
    return TextTable(
        "Sums of interactions, in points: how much settings change each other's effects, halved",
        ("interactions", "n", "sum", "95 % interval", "p (Holm)", "verdict"),
        tuple(
            (sum_name(effect), *measured_cells(effect), interaction_verdict(effect))
            for effect in screened.answer.interactions
        ),
    )


def recommended_table(screened: Screened) -> TextTable:
    """The cheapest configuration that keeps what matters."""
    return TextTable(
        "The cheapest configuration that keeps what matters",
        ("setting", "value", "because"),
        tuple((one.name, number(one.value), because(one.why)) for one in screened.recommended),
    )


def measured_cells(effect: Effect) -> tuple[str, str, str, str]:
    """n, the effect, its interval and its p-value."""
    equivalent = effect.verdict is Verdict.EQUIVALENT
    return (
        str(effect.n),
        points(effect.effect),
        points_span(effect.interval),
        NOTHING if equivalent else p_value(effect.p),
    )


def verdict(effect: Effect) -> str:
    """The verdict on a setting."""
    match effect.verdict:
        case Verdict.BETTER:
            return "matters: high is better"
        case Verdict.WORSE:
            return "matters: low is better"
        case Verdict.EQUIVALENT:
            return "within the margin"
        case Verdict.UNDECIDED:
            return "undecided"
    assert_never(effect.verdict)


def interaction_verdict(effect: Effect) -> str:
    """The verdict on a sum of interactions."""
    match effect.verdict:
        case Verdict.BETTER | Verdict.WORSE:
            return "there is one"
        case Verdict.EQUIVALENT:
            return "within the margin"
        case Verdict.UNDECIDED:
            return "undecided"
    assert_never(effect.verdict)


def sum_name(effect: Effect) -> str:
    """What a sum of interactions is called."""
    if len(effect.terms) <= MOST_NAMED:
        return effect.name
    return f"{abs(effect.terms[0][0]):.0%} of each of {len(effect.terms)} pairs"


def because(why: Why) -> str:
    """Why a setting has its value."""
    match why:
        case "better":
            return "it is better"
        case "cheaper":
            return "it doesn't matter, and this is cheaper"
        case "no_worse":
            return "undecided, but no worse than the other by more than the margin"
        case "undecided":
            return "undecided: left high"
    assert_never(why)


def screening_headline(result: ComparisonResult, screened: Screened) -> str:
    """What was found, in one sentence."""
    state = "complete" if result.scores.complete else "not complete"
    effects = screened.answer.effects
    counted = {one: sum(effect.verdict is one for effect in effects) for one in Verdict}
    matter = counted[Verdict.BETTER] + counted[Verdict.WORSE]
    found = (
        f"{matter} of {len(effects)} settings matter, {counted[Verdict.EQUIVALENT]} stay within the margin, "
        f"{counted[Verdict.UNDECIDED]} are undecided"
        if effects
        else "no effect can be estimated"
    )
    return (
        f"The screening {result.study_name} is {state}: {len(result.comparison.settings)} settings in "
        f"{len(result.comparison.arms)} configurations, {result.look.replicates} replicates; {found}."
    )


def screening_sentences(result: ComparisonResult, screened: Screened) -> Iterator[tuple[str, str]]:
    """What is claimed of each setting, and what that rests on: those that matter first."""
    if not screened.answer.effects:
        yield "No effect can be estimated.", not_estimable(screened)
        return
    pairs = list(zip(result.comparison.settings, screened.answer.effects, strict=True))
    for setting, effect in sorted(pairs, key=lambda pair: pair[1].verdict in (Verdict.EQUIVALENT, Verdict.UNDECIDED)):
        yield f"{setting.name}: {verdict(effect)}.", measured(setting, effect)


def measured(setting: TwoLevels, effect: Effect) -> str:
    """An effect with what is known of it."""
    p = effect.p_equivalence if effect.verdict is Verdict.EQUIVALENT else effect.p
    return (
        f"From {number(setting.low)} to {number(setting.high)}: {points(effect.effect)} points, 95 % interval "
        f"{points_span(effect.interval)}, n = {effect.n}; p {p_value(p)} (corrected for all settings)."
    )


def screening_remarks(screened: Screened) -> tuple[str, ...]:
    """How the tables are to be read, and what is missing."""
    answer = screened.answer
    if not answer.effects:
        return (f"No effect can be estimated: {not_estimable(screened)}",)
    left_out = [f"{', '.join(map(str, answer.left_out))}"] if answer.left_out else []
    interacting = [effect for effect in answer.interactions if effect.verdict in (Verdict.BETTER, Verdict.WORSE)]
    return (
        "An effect is the mean over all values of the other settings, on these images with other splits and seeds; "
        "interactions of two settings don't bias it. An arm's name has a + for each setting that is high in it, "
        "a - for each that is low.",
        *(f"Replicates {words} lack too many configurations and are left out." for words in left_out),
        *(
            f"{sum_name(effect)}: what one of these settings does depends on the other; search.compare --axis says "
            "what it does at the value that you want for the other."
            for effect in interacting
        ),
    )


def not_estimable(screened: Screened) -> str:
    """Why there are no effects."""
    if screened.answer.missing > MOST_MISSING:
        return (
            f"{screened.answer.missing:.0%} of the cells have no score, more than {MOST_MISSING:.0%}: choose levels at "
            "which training doesn't fail."
        )
    return "it takes two replicates of nearly all configurations."
