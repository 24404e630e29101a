"""`python -m search.confirm`, from flags to exit code: the best trials of a search, trained again on fresh seeds.

The best of many scores is partly the luckiest one (the winner's curse), so the score for which a trial was selected
promises too much. Fresh splits and seeds had no part in the selection: their mean doesn't.
"""

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from search.design.arms import document
from search.design.base import ranked_trials
from search.design.comparing import show
from search.design.options import POINT, ConfirmOptions
from search.design.plan import ComparisonPlan, Setting, as_searched, make_comparison_plan, planned_looks
from search.design.running import Means
from search.errors import UsageError
from search.study.space import study_space
from spaces import resolve
from spaces.space import Space
from spaces.trials import fixed_trial
from storage import SharedStudy, check_url, open_study, study_names
from storage.comparison import ArmDesign, Comparison


def run_confirmation(options: ConfirmOptions, means: Means | None = None) -> int:
    """Carries out a confirmation, and prints its answer; returns the exit code.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with the flags; nothing was created.
        StorageUnreachable: the database is away.
        SearchFailed: no trial was completed again.
    """
    return show(options, lambda: (confirmation_plan(options),), means or Means())


def confirmation_plan(options: ConfirmOptions) -> ComparisonPlan:
    """The plan, checked; nothing was created."""
    url = check_url(options.storage)
    origin = options.origin or only_search(url)
    with open_study(url, origin) as shared:
        source = resolve(shared.manifest.space)
        space = study_space(shared.manifest, source.space)
        arms, notes = best_arms(shared, space, options.top)
        searched = shared.manifest
    comparison = Comparison(
        kind="confirmation",
        question=f"What do the best trials of {origin} reach on fresh seeds?",
        arms=arms,
        margin=options.margin * POINT,
        looks=planned_looks(options, len(arms)),
        origin=origin,
    )
    setting = Setting(source, searched.dataset, f"{origin}-confirm", verb="confirm")
    return make_comparison_plan(as_searched(options, searched), setting, comparison, notes)


def only_search(url: str) -> str:
    """The name of the database's only search.

    Raises:
        UsageError: there is none, or more than one; lists them.
    """
    searches = [name for name in study_names(url) if is_search(url, name)]
    if len(searches) == 1:
        return searches[0]
    if not searches:
        raise UsageError("there is no search in this database: python -m search.launch makes one")
    raise UsageError(f"say which search to confirm, with --search: {', '.join(searches)}")


def is_search(url: str, name: str) -> bool:
    """Whether a study is a search of its own: no comparison, and no tuning for one."""
    with open_study(url, name) as shared:
        return shared.manifest.comparison is None and not shared.manifest.fixed


def best_arms(shared: SharedStudy, space: Space, top: int) -> tuple[tuple[ArmDesign, ...], tuple[str, ...]]:
    """The best trials as arms, of equal configurations the best only; and what there is to say of them.

    Raises:
        UsageError: the search has no completed trial.
    """
    arms = dict[str, ArmDesign]()
    for trial in ranked_trials(shared):
        if len(arms) < top:
            arm = trial_arm(space, trial)
            arms.setdefault(str(arm.configuration), arm)
    if not arms:
        raise UsageError(f"the study {shared.name} has no completed trial yet")
    counts = shared.ledger.counts()
    return tuple(arms.values()), tuple(unfinished(counts.total - counts.finished, len(arms), top))


def trial_arm(space: Space, trial: FrozenTrial) -> ArmDesign:
    """A trial as an arm."""
    configuration = space.suggest(fixed_trial(trial.params))
    return ArmDesign(f"trial {trial.number}", document(configuration), dict(trial.params), selected=trial.value)


def unfinished(left: int, found: int, top: int) -> Sequence[str]:
    """What to say of a search that isn't finished, or has too few trials."""
    notes = [f"the search isn't finished: {left} of its trials are left"] if left else []
    return [*notes, f"it has {found} different completed trials, fewer than --top {top}"] if found < top else notes
