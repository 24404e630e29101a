"""`python -m search.answer`, from flags to an answer: the best trials of a search race on fresh splits and seeds.

The race is a study of its own, with slots for the candidates that are still in it, and for the space's baseline in
every replicate. What it found is stored with the search.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from search.design.arms import design_of
from search.design.axis import with_added
from search.design.base import BASELINE, baseline_base, searched_facts
from search.design.cells import cell
from search.design.comparing import show
from search.design.confirming import candidates, trial_arm, unfinished
from search.design.options import LEVEL, POINT, AnswerOptions, StudyFlags
from search.design.plan import (
    ComparisonPlan,
    ComparisonSetting,
    as_planned,
    make_comparison_plan,
    require_of_use,
)
from search.design.race_size import RaceSize, fit, worth_racing
from search.design.running import Dependencies
from search.design.searched import opened_search, searched_space
from search.errors import UsageError
from search.host.ends import End
from search.launching.study_options import filled_from
from search.statistics.comparing import check_margin
from search.statistics.race import plan_anytime_race, plan_race
from search.study.test_score import model_of
from search.views.facts import StudyFacts
from spaces import Space
from storage import SharedStudy
from storage.comparison import ArmDesign, Comparison

FEWEST_FINISHED = 3


def run_answer(options: AnswerOptions, dependencies: Dependencies | None = None) -> End:
    """Carries out the race, and prints its answer.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with the flags; nothing was created.
        StorageUnreachable: the database is away.
        SearchFailed: no trial was completed again.
    """
    return show(options, lambda: (answer_plan(options),), dependencies or Dependencies())


def answer_plan(options: AnswerOptions) -> ComparisonPlan:
    """The plan, checked; nothing was created."""
    with opened_search(options) as shared:
        return plan_of(options, shared)


def plan_of(options: AnswerOptions, shared: SharedStudy) -> ComparisonPlan:
    """The race of a search's best trials and its space's baseline.

    Raises:
        UsageError: too few trials are finished, or the share of epochs is too small for a race.
    """
    check_margin(options.margin * POINT)
    searched = shared.manifest
    source = with_added(searched_space(shared), StudyFlags(), searched)
    facts = searched_facts(shared)
    racers = racers_of(options, facts, source.space)
    size, arms = racers.size, racers.arms
    require_of_use(options, arms)
    plan = plan_anytime_race if options.anytime else plan_race
    comparison = Comparison(
        kind="race",
        question=f"Which of the best trials of {shared.name} is best, and how much better than the baseline?",
        arms=arms,
        margin=options.margin * POINT,
        looks=tuple(map(as_planned, plan(size.replicates, size.candidates, level=LEVEL))),
        anytime=options.anytime,
        origin=shared.name,
        reference=racers.reference,
        trials=facts.counts.finished,
    )
    name = race_name(shared.name, facts.counts.finished)
    setting = ComparisonSetting(source, searched.dataset, name, verb="answer")
    notes = [*unfinished_note(facts), *fewer_note(options, size), *looked_note(facts, name)]
    return make_comparison_plan(filled_from(options, searched), setting, comparison, notes)


def race_name(search: str, finished: int) -> str:
    """The name of the race of a search of this many finished trials."""
    return f"{search}-answer-{finished}"


@dataclass(frozen=True)
class Racers:
    """The arms of a race, the reference last unless it is a candidate, and how large the race is."""

    arms: tuple[ArmDesign, ...]
    reference: str | None
    size: RaceSize


def racers_of(options: AnswerOptions, facts: StudyFacts, space: Space) -> Racers:
    """Who races.

    Raises:
        UsageError: too few trials are finished or have learned something, or the share is too small.
    """
    require_finished(facts)
    ranked = candidates(facts)
    designs = dict[str, ArmDesign]()
    for trial in ranked:
        arm = trial_arm(facts.manifest, trial)
        designs.setdefault(str(arm.configuration), arm)
    if len(designs) < 2:
        raise UsageError(
            f"the study {facts.name} has {len(designs)} different trials that are better than guessing: a race takes 2"
        )
    wanted = min(worth_racing(facts.manifest, ranked, options.top), len(designs))
    baseline = reference_of(space)
    known = None if baseline is None else designs.get(str(baseline.configuration))
    size = sized(options, facts, wanted, references=0 if baseline is None or known in first(designs, wanted) else 1)
    chosen = first(designs, size.candidates)
    if baseline is None:
        return Racers(chosen, None, size)
    if known in chosen:
        return Racers(chosen, known.name if known else None, size)
    return Racers((*chosen, baseline), baseline.name, size)


def first(designs: dict[str, ArmDesign], count: int) -> tuple[ArmDesign, ...]:
    """The first of the candidates, best first."""
    return tuple(designs.values())[:count]


def require_finished(facts: StudyFacts) -> None:
    """Raises UsageError if fewer than three trials are finished."""
    if facts.counts.finished < FEWEST_FINISHED:
        raise UsageError(
            f"{facts.counts.finished} trials of {facts.name} are finished: an answer takes {FEWEST_FINISHED}; "
            "search.launch continues the search"
        )


def sized(options: AnswerOptions, facts: StudyFacts, wanted: int, *, references: int) -> RaceSize:
    """How large the race is: with as many replicates as the flags say, or as the share of the epochs allows."""
    if options.seeds is not None:
        return RaceSize(wanted, options.seeds)
    epochs = options.epochs or facts.manifest.epochs
    budget = options.answer_share * facts.counts.total * facts.manifest.epochs / epochs
    return fit(wanted, references, budget, options.answer_share)


def reference_of(space: Space) -> ArmDesign | None:
    """The space's first baseline as an arm, None if it has none."""
    if not space.baselines:
        return None
    base = baseline_base(space, BASELINE)
    return design_of(replace(cell(space, base.name, {}, (base,)), params=dict(base.params)))


def unfinished_note(facts: StudyFacts) -> Sequence[str]:
    """That the search isn't finished."""
    return unfinished(facts.snapshot.open, 0, 0)


def fewer_note(options: AnswerOptions, size: RaceSize) -> Sequence[str]:
    """That fewer trials race than were asked for."""
    if options.top is None or size.candidates >= options.top:
        return ()
    return (f"{size.candidates} trials race, fewer than --top {options.top}: there are no more, or no epochs for more",)


def looked_note(facts: StudyFacts, name: str) -> Sequence[str]:
    """That others than the race of that name have looked at the test images before."""
    before = [look for look in facts.looks if look.study != name]
    if not before:
        return ()
    listed = ", ".join(f"{model_of(look)} {look.accuracy:.2%} ({look.reason})" for look in before)
    return (f"its test images were looked at before: {listed}; the answer's test score says which look it is",)
