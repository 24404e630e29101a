"""`python -m search.explain`, from flags to answers: which settings matter between two points of a space."""

from search.design.ablation_plan import make_ablation
from search.design.arms import design_of, without_shared_early_stopping
from search.design.axis import with_added
from search.design.base import BASELINE, BEST, BaseParameters, baseline_base, is_from_search, trial_base
from search.design.cells import chosen_settings, levels_between, parse_levels, screening_cells
from search.design.comparing import show
from search.design.options import LEVEL, POINT, ExplainOptions
from search.design.plan import ComparisonPlan, ComparisonSetting, make_comparison_plan
from search.design.running import Dependencies
from search.design.searched import opened_search, require_baseline, searched_space, setting_in_space
from search.errors import UsageError
from search.host.ends import End
from search.launching.study_options import filled_from
from search.statistics.scores import FEWEST_REPLICATES
from spaces import SpaceSource
from storage import SharedStudy
from storage.comparison import Comparison, PlannedLook

# By default, enough replicates for about this many trainings that say something of every setting, and at least these.
DEFAULT_TRAININGS, FEWEST_BY_DEFAULT = 96, 6


def run_explanation(options: ExplainOptions, dependencies: Dependencies | None = None) -> End:
    """Carries out a screening, and prints its answer.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with the flags; nothing was created.
        StorageUnreachable: the database is away.
        SearchFailed: no configuration has a score.
    """
    return show(options, lambda: (explanation_plan(options),), dependencies or Dependencies())


def explanation_plan(options: ExplainOptions) -> ComparisonPlan:
    """The plan, checked; nothing was created."""
    if options.space is not None and options.origin is None:
        return plan_in_space(options, options.space)
    with opened_search(options) as shared:
        return plan_of_search(options, shared)


def plan_in_space(options: ExplainOptions, ref: str) -> ComparisonPlan:
    """The screening of a space that needn't have been searched: around one of its baselines."""
    if options.end is not None:
        raise UsageError(f"--to {options.end} names a trial of a search: give the --search that it is of")
    start = options.start or BASELINE
    require_baseline("--from", start)
    setting = setting_in_space(options, ref, "explain")
    has_base = bool(setting.source.space.baselines) or options.start is not None
    base = baseline_base(setting.source.space, start) if has_base else BaseParameters("what is set", {})
    return make_screening(options, setting, (base,))


def plan_of_search(options: ExplainOptions, shared: SharedStudy) -> ComparisonPlan:
    """The screening between two points of a search's space: as it is, from a baseline to the best trial."""
    searched = shared.manifest
    source = with_added(searched_space(shared), options, searched)
    start, end = options.start or BASELINE, options.end or BEST
    bases = tuple(point(shared, source, at) for at in (start, end))
    setting = ComparisonSetting(source, searched.dataset, f"{shared.name}-explain", verb="explain")
    return make_screening(filled_from(options, searched), setting, bases, shared.name)


def point(shared: SharedStudy, source: SpaceSource, at: str) -> BaseParameters:
    """The point of a search's space that a flag names."""
    return trial_base(shared, at) if is_from_search(at) else baseline_base(source.space, at)


def make_screening(
    options: ExplainOptions, setting: ComparisonSetting, bases: tuple[BaseParameters, ...], origin: str | None = None
) -> ComparisonPlan:
    """The plan of a screening: the levels of its settings, and its configurations."""
    space = setting.source.space
    where = " and ".join(base.name for base in bases)
    between = levels_between(*bases) if len(bases) == 2 else {}
    settings = chosen_settings({**between, **parse_levels(space, options.levels)}, options.settings, where)
    if options.ablation:
        return make_ablation(options, setting, bases, settings, origin)
    cells = without_shared_early_stopping(screening_cells(space, settings, bases))
    comparison = Comparison(
        kind="screening",
        question=f"Which settings of {space.name} matter?",
        arms=tuple(map(design_of, cells)),
        margin=options.margin * POINT,
        looks=(PlannedLook(wanted_replicates(options, len(cells)), LEVEL),),
        at=where,
        origin=origin,
        settings=settings,
    )
    return make_comparison_plan(options, setting, comparison)


def wanted_replicates(options: ExplainOptions, cells: int) -> int:
    """The number of replicates of each of this many configurations.

    Raises:
        UsageError: fewer than two.
    """
    replicates = options.seeds or max(FEWEST_BY_DEFAULT, DEFAULT_TRAININGS // cells)
    if replicates < FEWEST_REPLICATES:
        raise UsageError(f"--seeds {replicates}: one replicate doesn't show the spread between seeds; give 2 or more")
    return replicates
