"""From the flags of `python -m search.compare` to plans: an axis of a space, files, or an article's experiments."""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from search.design.axis import SpaceArm, axis_arms, axis_choices, parse_settings
from search.design.base import Base, baseline_base, is_from_search, trial_base
from search.design.files import read_arms
from search.design.options import POINT, CompareOptions
from search.design.plan import (
    ComparisonPlan,
    Setting,
    Tuning,
    as_searched,
    make_comparison_plan,
    planned_looks,
    study_manifest,
)
from search.errors import UsageError
from search.planning import DEFAULT_DATASET, find_existing
from search.samplers import sampler_choice
from search.training.datasets import resolve_dataset
from spaces import SpaceSource, resolve
from spaces.configuration import Configuration
from spaces.names import unknown_name
from storage import Manifest, check_url, open_study
from storage.comparison import ArmDesign, Comparison
from storage.study import require_same

GIVEN = "spaces.arms:space"
LONGEST_NAME = 80


def make_plans(options: CompareOptions) -> tuple[ComparisonPlan, ...]:
    """The comparisons that the flags ask for, in their order; nothing was created.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with the flags.
        StorageUnreachable: the database doesn't answer.
    """
    kinds = {"--axis": options.axis, "--arms": options.arms, "--published": options.published}
    given = [flag for flag, value in kinds.items() if value]
    if len(given) != 1:
        raise UsageError(
            f"{' and '.join(given) or 'nothing to compare'}: give one of --space S --axis PARAMETER, "
            "--arms A.json B.json, or --published ARTICLE"
        )
    require_fitting_flags(options, given[0])
    if options.published:
        return published_plans(options)
    return (file_plan(options),) if options.arms else (axis_plan(options),)


def require_fitting_flags(options: CompareOptions, kind: str) -> None:
    """Raises UsageError if flags were given that mean nothing for such arms."""
    of_axis: dict[str, object] = {
        "--at": options.at,
        "--choices": options.choices,
        "--set": options.settings,
        "--tune": options.tune,
    }
    fitting: dict[str, dict[str, object]] = {
        "--axis": {**of_axis, "--search": options.origin},
        "--arms": {},
        "--published": {"--experiment": options.experiment},
    }
    every = {flag: value for flags in fitting.values() for flag, value in flags.items()}
    idle = [flag for flag, value in every.items() if value and flag not in fitting[kind]]
    if idle:
        raise UsageError(f"{', '.join(idle)} can't go with {kind}: leave it out")


def axis_plan(options: CompareOptions) -> ComparisonPlan:
    """The comparison of an axis's choices."""
    if options.space is None:
        raise UsageError("--axis needs the --space whose parameter it is")
    source = resolve(options.space)
    axis = str(options.axis)
    choices = axis_choices(source.space, axis, options.choices)
    dataset = options.dataset and resolve_dataset(options.dataset)
    origin = options.origin or f"{source.space.name}-{Path(dataset or DEFAULT_DATASET).stem}"
    at, searched = options.at or "baseline", None
    if options.tune is None and is_from_search(at):
        base, searched = searched_base(options, source, origin, at)
    elif options.tune is None:
        base = baseline_base(source.space, at) if source.space.baselines else Base("what is set", {})
    else:
        return tuned_plan(options, source, [str(choice) for choice in choices])
    settings = parse_settings(source.space, options.settings)
    arms = axis_arms(source.space, axis, choices, base, settings)
    where = dataset or (searched.dataset if searched else DEFAULT_DATASET)
    name = f"{source.space.name}-{Path(where).stem}-compare-{axis}"
    setting = Setting(source, where, name)
    if searched is not None:
        options = as_searched(options, searched)
    comparison = Comparison(
        question=source.space.question,
        arms=tuple(map(design_of, without_shared_early_stopping(arms))),
        margin=options.margin * POINT,
        looks=planned_looks(options, len(arms)),
        axis=axis,
        at=", ".join((base.name, *options.settings)),
        origin=origin if searched else None,
    )
    notes = dict.fromkeys(note for arm in arms for note in arm.notes)
    return make_comparison_plan(options, setting, comparison, tuple(notes))


def searched_base(options: CompareOptions, source: SpaceSource, origin: str, at: str) -> tuple[Base, Manifest]:
    """The trial of a search that the arms are built around, and the manifest of that search."""
    with open_study(check_url(options.storage), origin) as shared:
        if shared.manifest.space != source.ref:
            raise UsageError(f"the study {origin} searched {shared.manifest.space}, not {source.ref}")
        return trial_base(shared, at), shared.manifest


def design_of(arm: SpaceArm) -> ArmDesign:
    """The arm as a manifest has it."""
    return ArmDesign(arm.name, document(arm.configuration), dict(arm.params))


def document(configuration: Configuration) -> dict[str, Any]:
    """A configuration as JSON."""
    decoded: dict[str, Any] = msgspec.json.decode(configuration.to_json())
    return decoded


def without_shared_early_stopping(arms: Sequence[SpaceArm]) -> Sequence[SpaceArm]:
    """The arms as they are, but none stops early if all would in the same way: then it isn't what is compared."""
    return arms


def tuned_plan(options: CompareOptions, source: SpaceSource, names: Sequence[str]) -> ComparisonPlan:
    """The comparison of an axis's choices, each of which is searched for its best other parameters first."""
    if options.at or options.settings:
        raise UsageError("--at and --set say what --tune searches for: leave them out, or --tune")
    axis = str(options.axis)
    sampler_choice(options.sampler or "tpe")
    dataset = resolve_dataset(options.dataset or DEFAULT_DATASET)
    name = f"{source.space.name}-{Path(dataset).stem}-compare-{axis}-tuned"
    setting = Setting(source, dataset, name)
    comparison = Comparison(
        question=source.space.question,
        arms=tuple(ArmDesign(arm, {}) for arm in names),
        margin=options.margin * POINT,
        looks=planned_looks(options, len(names)),
        axis=axis,
        tuned=options.tune,
    )
    plan = make_comparison_plan(options, setting, comparison)
    choices = axis_choices(source.space, axis, options.choices)
    tunings = tuple(
        make_tuning(options, setting, plan, arm, {axis: choice}) for arm, choice in zip(names, choices, strict=True)
    )
    return ComparisonPlan(plan.url, plan.study_name, plan.manifest, plan.comparison, plan.existing, tunings, plan.notes)


def make_tuning(
    options: CompareOptions, setting: Setting, plan: ComparisonPlan, arm: str, fixed: dict[str, Any]
) -> Tuning:
    """The search for one arm's other parameters, with the seed that all arms' searches share."""
    study_name = f"{plan.study_name}-{arm}"
    existing = find_existing(plan.url, study_name)
    manifest = study_manifest(options, setting, existing, options.sampler or "tpe")
    manifest = msgspec.structs.replace(manifest, fixed=fixed, top_models=0)
    if existing is not None:
        require_same(study_name, existing.manifest, manifest)
    return Tuning(arm, study_name, manifest, options.tune or 0)


def file_plan(options: CompareOptions) -> ComparisonPlan:
    """The comparison of configurations in files."""
    arms = read_arms(options.arms)
    named = next((arm.dataset for arm in arms if arm.dataset is not None), None)
    if named and options.dataset and resolve_dataset(named) != resolve_dataset(options.dataset):
        raise UsageError(f"the arms are for the data set {named}, and --dataset is {options.dataset}")
    dataset = resolve_dataset(options.dataset or named or DEFAULT_DATASET)
    name = f"compare-{'-vs-'.join(arm.name for arm in arms)}"[:LONGEST_NAME]
    setting = Setting(resolve(options.space or GIVEN), dataset, f"{name}-{Path(dataset).stem}")
    comparison = Comparison(
        question=f"Which is best: {', '.join(arm.name for arm in arms)}?",
        arms=tuple(ArmDesign(arm.name, document(arm.configuration)) for arm in arms),
        margin=options.margin * POINT,
        looks=planned_looks(options, len(arms)),
    )
    return make_comparison_plan(options, setting, comparison)


def published_plans(options: CompareOptions) -> tuple[ComparisonPlan, ...]:
    """The comparisons of an article's experiments."""
    if options.dataset or options.space:
        raise UsageError("--published trains an article's networks on its images: leave --dataset and --space out")
    published = importlib.import_module("spaces.published")
    if options.published not in published.ARTICLES:
        raise UsageError(unknown_name("article", str(options.published), list(published.ARTICLES)))
    experiments = {one.name: one for one in published.experiments(options.published)}
    if options.experiment is not None and options.experiment not in experiments:
        raise UsageError(unknown_name("experiment", options.experiment, list(experiments)))
    chosen = [one for name, one in experiments.items() if options.experiment in (None, name)]
    if options.study_name is not None and len(chosen) > 1:
        raise UsageError(
            f"{options.published} has {len(chosen)} experiments, and --study-name is one name: leave it out"
        )
    return tuple(published_plan(options, experiment) for experiment in chosen)


def published_plan(options: CompareOptions, experiment: Any) -> ComparisonPlan:
    """The comparison of one experiment's arms."""
    dataset = resolve_dataset(experiment.dataset)
    setting = Setting(
        resolve(GIVEN), dataset, f"{experiment.article}-{experiment.name}", experiment.epochs, experiment.batch_size
    )
    comparison = Comparison(
        question=experiment.question,
        arms=tuple(published_arms(experiment)),
        margin=options.margin * POINT,
        looks=planned_looks(options, len(experiment.arms)),
        article=experiment.article,
        experiment=experiment.name,
    )
    return make_comparison_plan(options, setting, comparison)


def published_arms(experiment: Any) -> Iterator[ArmDesign]:
    """The experiment's arms as a manifest has them."""
    for arm in experiment.arms:
        yield ArmDesign(arm.name, document(arm.configuration), published=dict(arm.published))
