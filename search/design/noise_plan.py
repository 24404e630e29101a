"""`python -m search.noise`, from flags to answers: where the spread of one configuration's scores is from."""

from dataclasses import replace

from search.design.arms import design_of
from search.design.axis import SpaceArm, with_added
from search.design.base import BASELINE, BEST, BaseParameters, baseline_base, is_from_search, trial_base
from search.design.comparing import show
from search.design.options import LEVEL, POINT, NoiseOptions
from search.design.plan import ComparisonPlan, ComparisonSetting, make_comparison_plan
from search.design.running import Dependencies
from search.design.searched import opened_search, require_baseline, searched_space, setting_in_space
from search.errors import UsageError
from search.host.ends import End
from search.launching.study_options import filled_from
from search.statistics.noise import FEWEST_SEEDS, MOST_SEEDS
from spaces import SpaceSource
from spaces.trials import fixed_trial
from storage import SharedStudy
from storage.comparison import Comparison, PlannedLook

DEFAULT_SEEDS = 4


def run_noise(options: NoiseOptions, dependencies: Dependencies | None = None) -> End:
    """Carries out a measurement of noise, and prints its answer.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with the flags; nothing was created.
        StorageUnreachable: the database is away.
        SearchFailed: no training has a score.
    """
    return show(options, lambda: (noise_plan(options),), dependencies or Dependencies())


def noise_plan(options: NoiseOptions) -> ComparisonPlan:
    """The plan, checked; nothing was created."""
    if options.space is not None and options.origin is None:
        return plan_in_space(options, options.space)
    with opened_search(options) as shared:
        return plan_of_search(options, shared)


def plan_in_space(options: NoiseOptions, ref: str) -> ComparisonPlan:
    """The measurement of a baseline of a space that needn't have been searched."""
    at = options.at or BASELINE
    require_baseline("--at", at)
    setting = setting_in_space(options, ref, "noise")
    return make_noise_plan(options, setting, baseline_base(setting.source.space, at))


def plan_of_search(options: NoiseOptions, shared: SharedStudy) -> ComparisonPlan:
    """The measurement of a trial of a search, its best unless another is named, in the search's setting."""
    searched = shared.manifest
    source = with_added(searched_space(shared), options, searched)
    at = options.at or BEST
    base = trial_base(shared, at) if is_from_search(at) else baseline_base(source.space, at)
    setting = ComparisonSetting(source, searched.dataset, f"{shared.name}-noise", verb="noise")
    return make_noise_plan(filled_from(options, searched), setting, replace(base, origin=shared.name))


def make_noise_plan(options: NoiseOptions, setting: ComparisonSetting, base: BaseParameters) -> ComparisonPlan:
    """The plan of a measurement: one arm, and a square of seeds."""
    comparison = Comparison(
        kind="noise",
        question=f"Where is the spread of {base.name} from?",
        arms=(design_of(arm_of(setting.source, base)),),
        margin=options.margin * POINT,
        looks=(PlannedLook(wanted_seeds(options) ** 2, LEVEL),),
        at=base.name,
        origin=base.origin,
    )
    return make_comparison_plan(options, setting, comparison)


def arm_of(source: SpaceSource, base: BaseParameters) -> SpaceArm:
    """The configuration to measure."""
    return SpaceArm(base.name, dict(base.params), source.space.suggest(fixed_trial(base.params)))


def wanted_seeds(options: NoiseOptions) -> int:
    """How many seeds of each kind there are to be.

    Raises:
        UsageError: too few, or too many.
    """
    seeds = options.seeds or DEFAULT_SEEDS
    if not FEWEST_SEEDS <= seeds <= MOST_SEEDS:
        raise UsageError(
            f"--seeds {seeds}: give {FEWEST_SEEDS} to {MOST_SEEDS} seeds of each kind, whose square is the number of "
            "trainings"
        )
    return seeds
