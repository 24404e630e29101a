"""From the flags of a comparison to its plans: everything checked, nothing created yet."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from search.design.extending import continued_with
from search.design.options import DEFAULT_MAX_SEEDS, LEVEL, CompareOptions, StudyFlags
from search.errors import UsageError
from search.launching.absent_classes import absent_classes_note
from search.launching.asked_manifest import Existing, find_existing, make_manifest
from search.launching.fitting import require_resizable
from search.launching.options import LaunchOptions
from search.launching.planning import require_resources
from search.launching.study_options import StudyOptions
from search.statistics.anytime import fewest_anytime
from search.statistics.looks import Look, plan_looks
from search.statistics.permutation import fewest_replicates
from search.statistics.scores import FEWEST_REPLICATES
from search.study.image_size import image_shape
from search.study.space import configuration_of
from spaces import SpaceSource
from spaces.class_weight import CLASS_WEIGHT
from spaces.layers import require_fit
from spaces.widening import BATCH_SIZE, IMAGE_SIZE, batch_size_given, class_weight_given, image_size_given
from storage import Manifest, check_url
from storage.comparison import ArmDesign, Comparison, PlannedLook
from storage.study import require_same

Flags = TypeVar("Flags", bound=StudyFlags)
MOST_PAIRS = 200


@dataclass(frozen=True)
class Tuning:
    """A search for one arm's other parameters: its study, and how many trials that shall hold."""

    arm: str
    study_name: str
    manifest: Manifest
    n_trials: int


@dataclass(frozen=True)
class ComparisonPlan:
    """What is going to be compared. The manifest holds the design; with `tunings`, its arms are names until they are
    tuned. `notes` are what a person should know beforehand.
    """

    url: str
    study_name: str
    manifest: Manifest
    comparison: Comparison
    existing: Existing | None
    tunings: tuple[Tuning, ...] = ()
    notes: tuple[str, ...] = ()

    def with_arms(self, arms: Sequence[ArmDesign]) -> "ComparisonPlan":
        """The plan with arms that are known now."""
        comparison = msgspec.structs.replace(self.comparison, arms=tuple(arms))
        manifest = msgspec.structs.replace(self.manifest, comparison=comparison)
        return ComparisonPlan(self.url, self.study_name, manifest, comparison, self.existing, (), self.notes)


@dataclass(frozen=True)
class ComparisonSetting:
    """Where a comparison takes place: the space that builds the arms' models, the images, and the defaults of flags."""

    source: SpaceSource
    dataset: str
    study_name: str
    epochs: int | None = None
    batch_size: int | None = None
    validation_share: float | None = None
    verb: str = "compare"


def make_comparison_plan(
    flags: StudyFlags, setting: ComparisonSetting, comparison: Comparison, notes: Sequence[str] = ()
) -> ComparisonPlan:
    """The plan of a comparison of given arms.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with it; nothing was created.
        StorageUnreachable: the database doesn't answer.
    """
    url = check_url(flags.storage)
    name = flags.study_name or setting.study_name
    existing = find_existing(url, name)
    manifest = study_manifest(flags, setting, existing)
    if existing is not None and existing.manifest.comparison is not None:
        comparison = continued_with(existing.manifest.comparison, comparison, flags)
    manifest = msgspec.structs.replace(manifest, comparison=comparison)
    for arm in comparison.arms:
        if arm.configuration:
            configuration = configuration_of(arm.configuration)
            require_resizable(arm.name, manifest, [configuration])
            require_fit(configuration, image_shape(manifest, configuration))
    if existing is not None:
        require_continued(name, existing.manifest, manifest)
    require_resources(flags.workers, name, manifest, existing)
    absent = absent_classes_note(manifest)
    notes = (*notes, *(() if absent is None else (absent,)), *first_look_notes(flags, comparison), *outlook(comparison))
    return ComparisonPlan(url, name, manifest, comparison, existing, notes=notes)


def study_manifest(
    flags: StudyFlags, setting: ComparisonSetting, existing: Existing | None, sampler: str = "random"
) -> Manifest:
    """The manifest of a study in that setting, without pruning: a comparison's, but for its design."""
    said = {field.name: getattr(flags, field.name) for field in dataclasses.fields(StudyOptions)}
    said["epochs"] = flags.epochs or setting.epochs
    said["batch_size"] = flags.batch_size or ((setting.batch_size,) if setting.batch_size else ())
    said["validation_share"] = flags.validation_share or (setting.validation_share if existing is None else None)
    options = LaunchOptions(space=setting.source.ref, sampler=sampler, pruner="none", select="last", **said)
    return make_manifest(options, setting.source, setting.dataset, existing, setting.verb)


def require_of_use(flags: StudyFlags, arms: Sequence[ArmDesign]) -> None:
    """Raises UsageError where a given batch size would change nothing in these arms, or several are given for arms that
    have none of their own; sizes of images likewise, and class weights.
    """
    _require_batch_size_of_use(flags, arms)
    _require_image_size_of_use(flags, arms)
    _require_class_weight_of_use(flags, arms)


def _require_batch_size_of_use(flags: StudyFlags, arms: Sequence[ArmDesign]) -> None:
    own, given = with_own(arms, BATCH_SIZE), batch_size_given(flags.batch_size)
    if len(flags.batch_size) == 1 and own:
        raise UsageError(f"{given}: {', '.join(own)} has a batch size of its own, which this wouldn't change")
    if len(flags.batch_size) > 1 and not own:
        raise several_for_one(given, "with one batch size", BATCH_SIZE)


def _require_image_size_of_use(flags: StudyFlags, arms: Sequence[ArmDesign]) -> None:
    own, given = with_own(arms, IMAGE_SIZE), image_size_given(flags.image_size)
    if len(flags.image_size) == 1 and own:
        raise UsageError(f"{given}: {', '.join(own)} has a size of images of its own, which this wouldn't change")
    if len(flags.image_size) > 1 and not own:
        raise several_for_one(given, "on images of one size", IMAGE_SIZE)


def _require_class_weight_of_use(flags: StudyFlags, arms: Sequence[ArmDesign]) -> None:
    if len(flags.class_weight) > 1 and not with_own(arms, CLASS_WEIGHT):
        raise several_for_one(class_weight_given(flags.class_weight), "with one class weight", CLASS_WEIGHT)


def with_own(arms: Sequence[ArmDesign], name: str) -> list[str]:
    """The names of the arms whose configurations say this themselves."""
    return [arm.name for arm in arms if arm.configuration.get(name) is not None]


def several_for_one(given: str, how: str, name: str) -> UsageError:
    """That a flag gives several values of what these arms have one of."""
    return UsageError(
        f"{given}: these arms are trained {how}; several are a parameter of a space that search.launch searches, or "
        f"that search.compare --axis {name} compares"
    )


def require_continued(study_name: str, stored: Manifest, asked: Manifest) -> None:
    """Raises an error, with what differs, unless the stored study is the comparison that is asked for.

    Arms that have yet to be tuned are compared by their names.
    """
    if stored.comparison is None:
        raise UsageError(f"the study {study_name!r} is a search: a comparison has a --study-name of its own")
    if asked.comparison is not None and any(not arm.configuration for arm in asked.comparison.arms):
        known = {arm.name: arm for arm in stored.comparison.arms}
        arms = tuple(known.get(arm.name, arm) for arm in asked.comparison.arms)
        asked = msgspec.structs.replace(asked, comparison=msgspec.structs.replace(asked.comparison, arms=arms))
    require_same(study_name, stored, asked)


def planned_looks(options: StudyFlags, arms: int) -> tuple[PlannedLook, ...]:
    """After how many replicates the arms are judged, and at which level.

    Raises:
        UsageError: too few replicates, or too many arms.
    """
    seeds, pairs = options.wanted_seeds, arms * (arms - 1) // 2
    if seeds < FEWEST_REPLICATES:
        if not pairs:
            raise UsageError(f"--seeds {seeds}: one replicate doesn't show the spread between seeds; give 2 or more")
        raise UsageError(
            f"--seeds {seeds}: one replicate can't tell a difference between arms from the spread between seeds; it "
            f"takes 2 to see that spread at all, and {needed(pairs)} to decide anything between {arms} arms"
        )
    if pairs > MOST_PAIRS:
        raise UsageError(f"{arms} arms are {pairs} pairs, more than {MOST_PAIRS}: compare fewer, with --choices")
    if not isinstance(options, CompareOptions) or not options.until_decided:
        require_one_look(options)
        return (PlannedLook(seeds, LEVEL),)
    return several_looks(options, pairs)


def require_one_look(options: StudyFlags) -> None:
    """Raises UsageError where flags of several looks are given without them."""
    if isinstance(options, CompareOptions):
        given = {"--max-seeds": options.max_seeds is not None, "--anytime": options.anytime}
        for flag in (flag for flag, is_given in given.items() if is_given):
            raise UsageError(f"{flag} goes with --until-decided")


def several_looks(options: CompareOptions, pairs: int) -> tuple[PlannedLook, ...]:
    """The looks of a comparison that ends when it is decided.

    Raises:
        UsageError: there is nothing to add.
    """
    seeds = options.wanted_seeds
    most = options.max_seeds or max(DEFAULT_MAX_SEEDS, seeds)
    if most <= seeds:
        raise UsageError(f"--max-seeds {most} leaves nothing to add to --seeds {seeds}: give more")
    if options.anytime:
        first = min(most, max(options.seeds or 0, fewest_anytime(pairs, LEVEL)))
        return tuple(PlannedLook(replicates, LEVEL) for replicates in range(first, most + 1))
    return tuple(map(as_planned, plan_looks(seeds, most, pairs=pairs)))


def as_planned(look: Look) -> PlannedLook:
    """The look as a manifest has it."""
    return PlannedLook(look.replicates, look.level)


def needed(pairs: int) -> int:
    """How many replicates a comparison with this many pairs needs before any can be decided."""
    return fewest_replicates(pairs, LEVEL)


def first_look_notes(flags: StudyFlags, comparison: Comparison) -> tuple[str, ...]:
    """What to say where the first look comes later than the flags ask for."""
    first = comparison.looks[0].replicates
    if comparison.anytime:
        return ()
    if len(comparison.looks) == 1 or flags.wanted_seeds >= first:
        return ()
    return (
        f"the first look is after {first} replicates, not {flags.wanted_seeds}: looking that early, no test could "
        "reach its share of the level",
    )


def outlook(comparison: Comparison) -> tuple[str, ...]:
    """What is known before the first trial: whether so few replicates can decide anything."""
    arms, last = len(comparison.arms), comparison.looks[-1]
    pairs = arms * (arms - 1) // 2
    if pairs == 0 or comparison.kind in ("screening", "race", "ablation"):
        return ()
    fewest = fewest_anytime(pairs, last.level) if comparison.anytime else fewest_replicates(pairs, last.level)
    if last.replicates >= fewest:
        return ()
    return (
        f"{last.replicates} replicates can't decide anything between {arms} arms, whatever the scores: "
        f"that takes {fewest}",
    )
