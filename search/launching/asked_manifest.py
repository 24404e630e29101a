"""The manifest that the flags of a launch ask for."""

import datetime
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from search.commands.verbs import VERBS
from search.datasets import DataSet, load_dataset
from search.errors import UsageError
from search.launching.options import LaunchOptions
from search.launching.study_options import filled_from
from search.study.baselines import ordered_baselines
from search.study.folders import default_artifacts
from search.study.images_split import study_split
from search.study.study_name import require_study_name
from search.training.data.split import Split
from search.training.measuring.limits import why_not_measurable
from search.workers.join import installed_versions
from spaces import Space, SpaceSource
from spaces.limits import parse_limits
from spaces.metrics import DEFAULT_METRIC, METRICS, MetricName
from spaces.narrowing import parse_narrowing
from spaces.resizing import AS_FOUND, ImageSize, Resize, Resizing, in_order
from spaces.selection import Select
from spaces.validation import FIXED, Validation
from storage import Manifest, open_study
from storage.ending import Ended, EndingRule
from storage.errors import ForeignStudy, StudyNotFound
from storage.masking import hide_in_arguments
from storage.names import names_of_all

DEFAULT_DATASET = "digits"
VALIDATION_FRACTION = 0.2


@dataclass(frozen=True)
class Existing:
    """An existing study: its manifest, how many trials were ordered, and how many of them as baselines; what ends its
    search early, and what has.
    """

    manifest: Manifest
    ordered: int
    baselines: int = 0
    rule: EndingRule | None = None
    ended: Ended | None = None


def find_existing(url: str, study_name: str) -> Existing | None:
    """The study of that name, None if there is none yet.

    Raises:
        UsageError: there is none, and no study can have such a name.
        ForeignStudy: another program has made a study of that name, and trials in it.
    """
    try:
        with open_study(url, study_name, only_look=True) as shared:
            ledger = shared.ledger
            first = ordered_baselines(ledger.slots())
            return Existing(shared.manifest, ledger.counts().total, first, ledger.ending(), ledger.ended())
    except StudyNotFound:
        require_study_name(study_name)
        if study_name in names_of_all(url, used=True):
            raise ForeignStudy(study_name) from None
        return None


def make_manifest(
    options: LaunchOptions, source: SpaceSource, dataset: str, existing: Existing | None, verb: str = "launch"
) -> Manifest:
    """The manifest that the flags ask for. What they don't say is as in the existing study, else the default.

    `verb` is the command that they are the flags of.
    """
    stored = existing.manifest if existing is not None else None
    asked = options if stored is None else as_in_search(options, stored)
    validation, resizing = asked.validation or FIXED, wanted_resizing(options, asked.image_size, stored)
    data_dir = asked.workers.data_dir
    images = load_dataset(dataset, None if data_dir is None else str(data_dir), resizing)
    require_a_use(options.validation_share, images)
    require_own_split(options.validation, images)
    require_no_share(options, validation)
    manifest = msgspec.structs.replace(
        uncounted(asked, source, dataset, images, asked_pruner(options.pruner, stored, validation)),
        resizing=resizing,
        image_sizes=asked.image_size if len(asked.image_size) > 1 else (),
        limits=parse_limits(options.limit) if options.limit else stored.limits if stored else {},
        command=without_secrets(sys.argv, verb),
    )
    parts = study_split(images, manifest, manifest.seed)
    require_measurable((manifest.objective, *manifest.report_metrics), parts)
    return counted(manifest, parts)


def as_in_search(options: LaunchOptions, stored: Manifest) -> LaunchOptions:
    """The flags of a launch, with what they don't say as it is in a search."""
    return replace(
        filled_from(options, stored),
        sampler=options.sampler or stored.sampler,
        select=options.select or stored.select,
        validation=options.validation or stored.validation,
    )


def uncounted(asked: LaunchOptions, source: SpaceSource, dataset: str, images: DataSet, pruner: str) -> Manifest:
    """The manifest of a new study with these options, else the defaults, without the numbers of its images."""
    space, folder = source.space, asked.workers.artifacts or default_artifacts(asked.storage)
    sizes, weights = asked.batch_size or (space.batch_size,), asked.class_weight or ("none",)
    objective, validation = asked.objective or DEFAULT_METRIC, asked.validation or FIXED
    return Manifest(
        space=source.ref,
        space_version=space.version,
        question=space.question,
        space_fingerprint=source.fingerprint,
        dataset=dataset,
        dataset_fingerprint=images.fingerprint(),
        image_shape=images.image_shape,
        classes=images.classes,
        n_train=0,
        n_validation=0,
        n_test=0,
        own_validation=images.n_own_validation > 0,
        inventory=msgspec.to_builtins(images.inventory),
        epochs=asked.epochs or space.epochs,
        batch_size=max(sizes),
        batch_sizes=sizes if len(sizes) > 1 else (),
        precision=asked.precision or "float32",
        objective=objective,
        direction=METRICS[objective].direction,
        report_metrics=tuple(name for name in METRICS if name in (asked.report_metrics or ()) and name != objective),
        class_weight=weights[0] if len(weights) == 1 else "none",
        class_weights=weights if len(weights) > 1 else (),
        sampler=asked.sampler or "tpe",
        pruner=pruner,
        select=asked.select or default_select(validation),
        seed=asked.seed or 0,
        validation_fraction=asked.validation_share or VALIDATION_FRACTION,
        limit_train=asked.limit_train,
        validation=validation,
        artifacts=str(folder.absolute()),
        artifact_store=asked.artifact_store,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions=installed_versions(),
        data_dir=None if asked.workers.data_dir is None else str(asked.workers.data_dir.absolute()),
        folder_marked=True,
    )


def default_select(validation: Validation) -> Select:
    """The mean of the last epochs; with folds, whose last epochs' scores are means already, the last epoch."""
    return "last" if validation.folds else "smooth"


def narrow(manifest: Manifest, options: LaunchOptions, space: Space, existing: Existing | None) -> Manifest:
    """The manifest with the part of the space that the flags select; without such flags, that of an existing study.

    Raises:
        SpaceError: they leave something that the space doesn't have.
    """
    if options.only or options.ranges or options.fixed:
        asked = parse_narrowing(space, options.only, options.ranges, options.fixed)
        return msgspec.structs.replace(
            manifest, only=dict(asked.only), ranges=dict(asked.ranges), fixed=dict(asked.fixed)
        )
    if existing is None:
        return manifest
    stored = existing.manifest
    return msgspec.structs.replace(manifest, only=stored.only, ranges=stored.ranges, fixed=stored.fixed)


def counted(manifest: Manifest, parts: Split) -> Manifest:
    """The manifest with the numbers of its images."""
    return msgspec.structs.replace(
        manifest,
        n_train=parts.n_train,
        n_validation=parts.n_val,
        n_test=len(parts.x_test),
        class_counts=parts.class_counts,
    )


def require_no_share(options: LaunchOptions, validation: Validation) -> None:
    """Raises UsageError for a share of validation images, or a mean of epochs, where folds decide it."""
    if options.select == "smooth" and validation.folds:
        raise UsageError(
            f"--select smooth: with {validation}, the last epochs' scores are means of folds. Leave it out"
        )
    if options.validation_share is not None and validation.folds:
        raise UsageError(
            f"--validation-share: {validation} validates on one of {validation.folds} folds at a time. Leave it out"
        )


def require_own_split(validation: Validation | None, images: DataSet) -> None:
    """Raises UsageError if splits are asked for of images that came with their own for validation."""
    if validation is not None and validation.kind in ("reshuffled", "folds") and images.n_own_validation:
        raise UsageError(
            f"--validation {validation}: {images.name} has {images.n_own_validation} validation images of its own, "
            "which every trial uses. Leave the flag out, or take the validation images away"
        )


def wanted_resizing(options: LaunchOptions, sizes: Sequence[ImageSize], stored: Manifest | None) -> Resizing:
    """What images are brought to: the largest of the sizes. One that is given keeps their aspect unless the flags say
    otherwise.
    """
    usual: Resize = stored.resizing.resize if stored is not None else "crop" if sizes else AS_FOUND.resize
    return Resizing(in_order(sizes)[-1] if sizes else None, options.resize or usual)


def asked_pruner(flag: str | None, stored: Manifest | None, validation: Validation) -> str:
    """The pruner: the flag's, as it was meant when the study was made, else the study's, else the default.

    Raises:
        UsageError: it pauses trials, and those of folds can't be.
    """
    if stored is not None:
        return stored.pruner if flag is None else stored.pruner_meant(flag)
    if validation.folds and flag == "asha":
        raise UsageError(
            "--pruner asha pauses trials between epochs, which --validation folds:K has K times: "
            "give --pruner asha-stop, which is the default with folds, or median or none"
        )
    return flag or ("asha-stop" if validation.folds else "asha")


def require_a_use(validation_share: float | None, images: DataSet) -> None:
    """Raises UsageError for a share of images that came with their own for validation."""
    if validation_share is not None and images.n_own_validation:
        raise UsageError(
            f"--validation-share: {images.name} has {images.n_own_validation} validation images of its own, which are "
            "used, and takes none of the training images. Leave the flag out, or take the validation images away"
        )


def require_measurable(metrics: Sequence[MetricName], images: Split) -> None:
    """Raises UsageError if one of the metrics can't be measured on the validation images."""
    problem = why_not_measurable(metrics, len(images.classes), images.n_val)
    if problem is not None:
        raise UsageError(problem)


def without_secrets(arguments: list[str], verb: str = "launch") -> str:
    """The command line, for the study's manifest, without the storage's URL, and without the passwords of others.

    `verb` is the command where the program's name doesn't tell: a launch makes the study of its answer's race, too.
    """
    verb, typed = typed_command(arguments, verb)
    kept: list[str] = []
    skip = False
    for argument in typed:
        if not skip and not argument.startswith("--storage"):
            kept.append(argument)
        skip = argument == "--storage"
    return shlex.join(["python", "-m", f"search.{verb}", *hide_in_arguments(kept)])


def typed_command(arguments: Sequence[str], verb: str) -> tuple[str, Sequence[str]]:
    """The command that was typed, and its flags: `search/launch.py --space …`, or a program with the command's name as
    its first argument (`python -m search launch`, `keras-image-search launch`); else the verb.
    """
    program, typed = Path(arguments[0]).stem, arguments[1:]
    if program in VERBS:
        return program, typed
    return (typed[0], typed[1:]) if typed and typed[0] in VERBS else (verb, typed)
