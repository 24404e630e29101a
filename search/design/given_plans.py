"""The plans of comparisons whose arms are given: configurations in files, and an article's networks."""

from pathlib import Path

from search.datasets import resolve_dataset
from search.design.arms import document
from search.design.files import read_arms
from search.design.options import POINT, CompareOptions
from search.design.plan import (
    ComparisonPlan,
    ComparisonSetting,
    make_comparison_plan,
    planned_looks,
    require_of_use,
)
from search.errors import UsageError
from search.launching.asked_manifest import DEFAULT_DATASET
from spaces import resolve
from spaces.names import unknown_name
from spaces.published import Experiment, experiments, source
from storage.comparison import ArmDesign, Comparison

GIVEN = "spaces.arms:space"
LONGEST_NAME = 80


def file_plan(options: CompareOptions) -> ComparisonPlan:
    """The comparison of configurations in files.

    Raises:
        UsageError, SpaceError, StorageError: as `make_plans`.
    """
    arms = read_arms(options.arms)
    named = next((arm.dataset for arm in arms if arm.dataset is not None), None)
    if named and options.dataset and resolve_dataset(named) != resolve_dataset(options.dataset):
        raise UsageError(f"the arms are for the data set {named}, and --dataset is {options.dataset}")
    dataset = resolve_dataset(options.dataset or named or DEFAULT_DATASET)
    name = f"compare-{'-vs-'.join(arm.name for arm in arms)}"[:LONGEST_NAME]
    comparison = Comparison(
        question=f"Which is best: {', '.join(arm.name for arm in arms)}?",
        arms=tuple(ArmDesign(arm.name, document(arm.configuration)) for arm in arms),
        margin=options.margin * POINT,
        looks=planned_looks(options, len(arms)),
        anytime=options.anytime,
    )
    require_of_use(options, comparison.arms)
    setting = ComparisonSetting(resolve(options.space or GIVEN), dataset, f"{name}-{Path(dataset).stem}")
    return make_comparison_plan(options, setting, comparison)


def published_plans(options: CompareOptions) -> tuple[ComparisonPlan, ...]:
    """The comparisons of an article's experiments.

    Raises:
        UsageError, SpaceError, StorageError: as `make_plans`.
    """
    if options.dataset or options.space:
        raise UsageError("--published trains an article's networks on its images: leave --dataset and --space out")
    known = {one.name: one for one in experiments(str(options.published))}
    if options.experiment is not None and options.experiment not in known:
        raise UsageError(unknown_name("experiment", options.experiment, list(known)))
    chosen = [one for name, one in known.items() if options.experiment in (None, name)]
    if options.study_name is not None and len(chosen) > 1:
        raise UsageError(f"{options.published} has {len(chosen)} experiments: --study-name needs an --experiment")
    return tuple(published_plan(options, experiment) for experiment in chosen)


def published_plan(options: CompareOptions, experiment: Experiment) -> ComparisonPlan:
    """The comparison of one experiment's arms."""
    comparison = Comparison(
        question=experiment.question,
        arms=tuple(
            ArmDesign(arm.name, document(arm.configuration), published=dict(arm.published)) for arm in experiment.arms
        ),
        margin=options.margin * POINT,
        looks=planned_looks(options, len(experiment.arms)),
        anytime=options.anytime,
        article=experiment.article,
        experiment=experiment.name,
    )
    require_of_use(options, comparison.arms)
    setting = ComparisonSetting(
        resolve(GIVEN),
        resolve_dataset(experiment.dataset),
        f"{experiment.article}-{experiment.name}",
        experiment.epochs,
        experiment.batch_size,
        experiment.validation_share,
    )
    return make_comparison_plan(options, setting, comparison, published_notes(experiment))


def published_notes(experiment: Experiment) -> tuple[str, ...]:
    """Where the experiment is from, and how its images differ from those here."""
    cited = f"published in: {source(experiment.article).cited()}"
    return (cited,) if experiment.images is None else (cited, experiment.images)
