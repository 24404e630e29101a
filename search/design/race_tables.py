"""The tables and sentences of a race: for the terminal, Markdown and the report alike."""

from search.design.cell_text import score, span
from search.design.options import POINT
from search.design.result import ComparisonResult
from search.study.race_answer import Candidate, RaceAnswer
from search.views.layout import TextTable

NOTHING = "-"


def race_table(result: ComparisonResult, raced: RaceAnswer) -> TextTable:
    """Every arm: what selected it, what it reached on fresh splits, what it costs, whether it is left."""
    candidates = {one.name: one for one in raced.candidates}
    return TextTable(
        f"Raced on fresh splits and seeds: {result.manifest.objective}",
        ("arm", "n", "mean", "95 % interval", "selected", "parameters", "is"),
        tuple(
            (
                arm.name,
                str(arm.n),
                score(arm.mean),
                span(arm.interval),
                *candidate_cells(candidates.get(arm.name), raced, arm.name == result.comparison.reference),
            )
            for arm in result.summaries
        ),
    )


def candidate_cells(candidate: Candidate | None, raced: RaceAnswer, reference: bool) -> tuple[str, str, str]:
    """What is only known of candidates."""
    if candidate is None:
        return NOTHING, NOTHING, "the reference"
    known = NOTHING if candidate.parameters is None else f"{candidate.parameters:,}"
    return score(candidate.selected), known, place(candidate, raced, reference)


def place(candidate: Candidate, raced: RaceAnswer, reference: bool) -> str:
    """What became of a candidate."""
    words = "recommended" if candidate.name == raced.recommended else "left" if candidate.left else "shown worse"
    return f"{words}, the reference" if reference else words


def race_headline(result: ComparisonResult) -> str:
    """How far the race is, in one sentence."""
    raced, race = result.raced, result.race
    count = len(result.comparison.candidates)
    if raced is None or race is None:
        return f"The race {result.study_name} of {count} trials has no answer yet."
    state = "isn't over" if race.end is None else f"is over, as {race.end.value}"
    if not result.scores.complete:
        state = "isn't complete"
    return (
        f"The race {result.study_name} of {count} trials {state}: {raced.trainings} trainings, "
        f"{race.replicates} replicates, margin {result.comparison.margin / POINT:g} points."
    )


def race_remarks(result: ComparisonResult) -> tuple[str, ...]:
    """Who left when, and why."""
    race = result.race
    if race is None:
        return ()
    return tuple(
        f"{one.name} left after {one.replicates} replicates, shown worse than {one.rival} (p {one.p:.2g}, corrected "
        f"for its rivals, at level {one.level:.2g})."
        for one in race.leavers
    )
