"""`python -m search.confirm`, from flags to answers: the best trials of a search, trained again on fresh seeds.

The best of many scores is partly the luckiest one (the winner's curse), so the score for which a trial was selected
promises too much. Fresh splits and seeds had no part in the selection: their mean doesn't.
"""

import math
from collections.abc import Collection, Sequence

from search.design.arm_names import arm_name
from search.design.arms import document
from search.design.base import searched_facts
from search.design.comparing import show
from search.design.options import POINT, ConfirmOptions
from search.design.plan import (
    ComparisonPlan,
    ComparisonSetting,
    make_comparison_plan,
    planned_looks,
    require_of_use,
)
from search.design.running import Dependencies
from search.design.searched import opened_search, searched_space
from search.errors import UsageError
from search.host.ends import End
from search.launching.study_options import filled_from
from search.study.configurations import trial_model
from search.views.facts import StudyFacts, TrialFacts
from storage import Manifest, SharedStudy
from storage.comparison import ArmDesign, Comparison


def run_confirmation(options: ConfirmOptions, dependencies: Dependencies | None = None) -> End:
    """Carries out a confirmation, and prints its answer.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with the flags; nothing was created.
        StorageUnreachable: the database is away.
        SearchFailed: no trial was completed again.
    """
    return show(options, lambda: (confirmation_plan(options),), dependencies or Dependencies())


def confirmation_plan(options: ConfirmOptions) -> ComparisonPlan:
    """The plan, checked; nothing was created."""
    with opened_search(options) as shared:
        source, origin, searched = searched_space(shared), shared.name, shared.manifest
        arms, notes = best_arms(shared, options.top)
    require_of_use(options, arms)
    comparison = Comparison(
        kind="confirmation",
        question=f"What do the best trials of {origin} reach on fresh seeds?",
        arms=arms,
        margin=options.margin * POINT,
        looks=planned_looks(options, len(arms)),
        origin=origin,
    )
    setting = ComparisonSetting(source, searched.dataset, f"{origin}-confirm", verb="confirm")
    return make_comparison_plan(filled_from(options, searched), setting, comparison, notes)


def best_arms(shared: SharedStudy, top: int) -> tuple[tuple[ArmDesign, ...], tuple[str, ...]]:
    """The best trials as arms, of equal configurations the best only; and what there is to say of them.

    Raises:
        UsageError: no trial of the search has learned anything.
        SpaceError: what a trial trained isn't known any more.
    """
    facts = searched_facts(shared)
    arms = dict[str, ArmDesign]()
    for trial in candidates(facts):
        if len(arms) < top:
            arm = trial_arm(facts.manifest, trial)
            arms.setdefault(str(arm.configuration), arm)
    if not arms:
        raise UsageError(f"the study {facts.name} has no trial yet that is better than guessing: none to confirm")
    notes = unfinished(facts.snapshot.open, len(arms), top)
    return tuple(arms.values()), (*notes, *pruned_notes(facts, {arm.name for arm in arms.values()}))


def candidates(facts: StudyFacts) -> list[TrialFacts]:
    """The trials worth training again, best first.

    A pruned trial counts with its last score, which it reached in fewer epochs than those that were completed. One that
    diverged, or isn't better than guessing, isn't worth it.
    """
    worth = [
        trial
        for trial in facts.trials
        if trial.state in ("complete", "pruned")
        and trial.value is not None
        and beats_guessing(facts.manifest, trial.value)
    ]
    return facts.manifest.goal.ranked(worth, lambda trial: (trial.value, trial.number))


def beats_guessing(manifest: Manifest, score: float) -> bool:
    """Whether a score is better than guessing, a share of images by more than two standard errors of guessing."""
    chance = manifest.guess
    if not manifest.goal.is_share:
        return manifest.goal.better(score, chance)
    return score > chance + 2 * math.sqrt(chance * (1 - chance) / manifest.n_validation)


def pruned_notes(facts: StudyFacts, arms: Collection[str]) -> Sequence[str]:
    """What to say of arms that were pruned: the score for which they are here isn't that of a full training."""
    pruned = [trial for trial in candidates(facts) if trial.state == "pruned" and arm_name(trial.number) in arms]
    found = [f"{arm_name(trial.number)} (after epoch {trial.epochs})" for trial in pruned]
    return [f"stopped early by the search, and among its best all the same: {', '.join(found)}"] if found else []


def trial_arm(manifest: Manifest, trial: TrialFacts) -> ArmDesign:
    """A trial as an arm."""
    configuration = trial_model(manifest, trial.frozen).configuration
    return ArmDesign(arm_name(trial.number), document(configuration), dict(trial.params), selected=trial.value)


def unfinished(left: int, found: int, top: int) -> Sequence[str]:
    """What to say of a search that isn't finished, or has too few trials."""
    notes = [f"the search isn't finished: {left} of its trials are left"] if left else []
    return (
        [*notes, f"it has {found} different trials that are better than guessing, fewer than --top {top}"]
        if found < top
        else notes
    )
