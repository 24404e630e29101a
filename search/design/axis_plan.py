"""The plan of a comparison of an axis's choices: all else equal, or each with its own best."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from search.console.held_errors import errors_held_back
from search.datasets import resolve_dataset
from search.design.arms import design_of, without_shared_early_stopping
from search.design.axis import SpaceArm, axis_arms, axis_choices, parse_settings, weights_of_axis, with_added
from search.design.base import BASELINE, BaseParameters, baseline_base, is_from_search, trial_base
from search.design.options import POINT, CompareOptions
from search.design.plan import (
    ComparisonPlan,
    ComparisonSetting,
    Tuning,
    make_comparison_plan,
    planned_looks,
    study_manifest,
)
from search.errors import UsageError
from search.launching.asked_manifest import DEFAULT_DATASET, find_existing
from search.launching.study_options import filled_from
from search.sampling.samplers import sampler_choice
from search.study.own_folder import require_places
from spaces import SpaceSource, resolve
from spaces.configuration import Scalar
from spaces.narrowing import Narrowing, narrowed, parse_narrowing
from storage import check_url, open_study
from storage.comparison import ArmDesign, Comparison
from storage.study import require_same

STOPS_EARLY = "all arms would stop early in the same way, so none does: it isn't what is compared"


@dataclass(frozen=True)
class Axis:
    """A parameter of a space, its choices that are compared, and what is left of the other parameters."""

    source: SpaceSource
    name: str
    choices: tuple[Scalar, ...]
    narrowing: Narrowing


def axis_plan(options: CompareOptions) -> ComparisonPlan:
    """The comparison of an axis's choices.

    Raises:
        UsageError, SpaceError, StorageError: as `make_plans`.
    """
    if options.space is None:
        raise UsageError("--axis needs the --space whose parameter it is")
    with errors_held_back():  # it may import Keras
        source = resolve(options.space)
    name = str(options.axis)
    trial = None if options.tune is not None else find_trial(options, source)
    searched = None if trial is None else trial.searched
    options = replace(options, class_weight=weights_of_axis(source, name, options.class_weight))
    source = with_added(source, options, searched)
    narrowing = parse_narrowing(source.space, options.only, options.ranges, options.fixed)
    require_several(name, narrowing)
    choices = axis_choices(narrowed(source.space, only_of(narrowing, name)), name, options.choices)
    axis = Axis(source, name, choices, without(narrowing, name))
    if options.tune is not None:
        return tuned_plan(options, axis)
    return plain_plan(options, axis, trial or find_baseline(options, source))


def require_several(axis: str, narrowing: Narrowing) -> None:
    """Raises UsageError if the axis is given one value: it has no arms then."""
    if axis in narrowing.fixed:
        raise UsageError(
            f"--fix {axis}={narrowing.fixed[axis]}: it is the axis, whose choices are the arms; leave it out"
        )


def only_of(narrowing: Narrowing, name: str) -> Narrowing:
    """What it says of one parameter."""
    return Narrowing(
        {key: values for key, values in narrowing.only.items() if key == name},
        {key: bounds for key, bounds in narrowing.ranges.items() if key == name},
    )


def without(narrowing: Narrowing, name: str) -> Narrowing:
    """What it says of the other parameters."""
    return Narrowing(
        {key: values for key, values in narrowing.only.items() if key != name},
        {key: bounds for key, bounds in narrowing.ranges.items() if key != name},
        narrowing.fixed,
    )


def require_fixed(narrowing: Narrowing) -> None:
    """Raises UsageError if other parameters are to be searched: in a comparison of arms, each has one value."""
    searched = [f"--only {name}" for name in narrowing.only] + [f"--range {name}" for name in narrowing.ranges]
    if searched:
        raise UsageError(
            f"{', '.join(searched)}: without --tune, all but the axis has one value in all arms: give it with --fix"
        )


def plain_plan(options: CompareOptions, axis: Axis, base: BaseParameters) -> ComparisonPlan:
    """The comparison of the choices with everything else equal."""
    if options.sampler:
        raise UsageError(f"--sampler {options.sampler} proposes parameters to --tune: leave it out, or tune")
    require_fixed(axis.narrowing)
    settings = all_settings(options, axis)
    arms = axis_arms(axis.source.space, axis.name, axis.choices, base, settings)
    lasting = without_shared_early_stopping(arms)
    comparison = Comparison(
        question=axis.source.space.question,
        arms=tuple(map(design_of, lasting)),
        margin=options.margin * POINT,
        looks=planned_looks(options, len(arms)),
        anytime=options.anytime,
        axis=axis.name,
        at=", ".join((base.name, *options.settings, *options.fixed)),
        origin=base.origin,
    )
    notes = notes_on(arms, stops_early=lasting is not arms)
    if base.searched is None:
        return make_comparison_plan(options, axis_setting(options, axis, DEFAULT_DATASET), comparison, notes)
    setting = axis_setting(options, axis, base.searched.dataset)
    return make_comparison_plan(filled_from(options, base.searched), setting, comparison, notes)


def all_settings(options: CompareOptions, axis: Axis) -> dict[str, Scalar]:
    """The parameters that --set and --fix give.

    Raises:
        UsageError: both give one of them; or as `parse_settings`.
    """
    settings = parse_settings(axis.source.space, options.settings)
    if twice := settings.keys() & axis.narrowing.fixed.keys():
        raise UsageError(f"--set and --fix both give {', '.join(sorted(twice))}: give one of them")
    return {**settings, **axis.narrowing.fixed}


def notes_on(arms: Sequence[SpaceArm], *, stops_early: bool) -> tuple[str, ...]:
    """What to say of the arms, each thing once."""
    notes = dict.fromkeys(note for arm in arms for note in arm.notes)
    return (*notes, STOPS_EARLY) if stops_early else tuple(notes)


def axis_setting(options: CompareOptions, axis: Axis, default_dataset: str) -> ComparisonSetting:
    """Where the comparison takes place."""
    dataset = resolve_dataset(options.dataset or default_dataset)
    return ComparisonSetting(axis.source, dataset, f"{axis.source.space.name}-{Path(dataset).stem}-compare-{axis.name}")


def find_baseline(options: CompareOptions, source: SpaceSource) -> BaseParameters:
    """The baseline that everything else is as; without any, what the flags set.

    Raises:
        UsageError: there is no such baseline.
    """
    if source.space.baselines or options.at:
        return baseline_base(source.space, options.at or BASELINE)
    return BaseParameters("what is set", {})


def find_trial(options: CompareOptions, source: SpaceSource) -> BaseParameters | None:
    """The trial of a search that the flags say that everything else is as, None if they don't name any.

    Raises:
        UsageError, StorageError: there is no such study or trial.
    """
    at = options.at or BASELINE
    if not is_from_search(at):
        return None
    dataset = resolve_dataset(options.dataset or DEFAULT_DATASET)
    origin = options.origin or f"{source.space.name}-{Path(dataset).stem}"
    with open_study(check_url(options.storage), origin, only_look=True) as shared:
        if shared.manifest.space != source.ref:
            raise UsageError(f"the study {origin} searched {shared.manifest.space}, not {source.ref}")
        if shared.manifest.space_fingerprint != source.fingerprint:
            raise UsageError(
                f"the source of {source.ref} has changed since {origin} was made: what its trials trained isn't what "
                "it makes of their parameters now. Undo the change, or compare with --at baseline"
            )
        return trial_base(shared, at)


def tuned_plan(options: CompareOptions, axis: Axis) -> ComparisonPlan:
    """The comparison of the choices, each of which is searched for its best other parameters first."""
    if options.at or options.settings or options.origin:
        raise UsageError("--tune searches for what --at, --search and --set would say: leave them out, or --tune")
    sampler_choice(options.sampler or "tpe")
    setting = axis_setting(options, axis, DEFAULT_DATASET)
    setting = replace(setting, study_name=f"{setting.study_name}-tuned")
    names = [str(choice) for choice in axis.choices]
    comparison = Comparison(
        question=axis.source.space.question,
        arms=tuple(ArmDesign(name, {}) for name in names),
        margin=options.margin * POINT,
        looks=planned_looks(options, len(names)),
        anytime=options.anytime,
        axis=axis.name,
        tuned=options.tune,
    )
    plan = make_comparison_plan(options, setting, comparison)
    choices = zip(names, axis.choices, strict=True)
    tunings = tuple(make_tuning(options, setting, plan, name, arm_of(axis, choice)) for name, choice in choices)
    return replace(plan, tunings=tunings)


def arm_of(axis: Axis, choice: Scalar) -> Narrowing:
    """What is left of the space in an arm's search."""
    return replace(axis.narrowing, fixed={**axis.narrowing.fixed, axis.name: choice})


def make_tuning(
    options: CompareOptions, setting: ComparisonSetting, plan: ComparisonPlan, arm: str, left: Narrowing
) -> Tuning:
    """The search for one arm's other parameters, with the seed that all arms' searches share."""
    study_name = f"{plan.study_name}-{arm}"
    existing = find_existing(plan.url, study_name)
    manifest = study_manifest(options, setting, existing, options.sampler or "tpe")
    manifest = msgspec.structs.replace(
        manifest, only=dict(left.only), ranges=dict(left.ranges), fixed=dict(left.fixed), top_models=0
    )
    if existing is not None:
        require_same(study_name, existing.manifest, manifest)
    require_places(options.workers.artifacts, study_name, manifest, existing.manifest if existing else None)
    return Tuning(arm, study_name, manifest, options.tune or 0)
