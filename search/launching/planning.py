"""From the flags of a launch to a plan: everything checked, nothing created yet."""

import datetime
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from search.console.held_errors import errors_held_back
from search.console.outside_text import is_text
from search.datasets import DataSet, load_dataset, resolve_dataset
from search.errors import UsageError
from search.host.ends import End
from search.launching.cost import PlannedCost, cost_notes, planned_cost, require_batch_memory
from search.launching.fitting import unfit_note
from search.sampling.grid_points import grid_points
from search.sampling.pruners import pruner_choice
from search.sampling.samplers import GRID, sampler_choice
from search.sampling.seeds import derive_seed
from search.study.baselines import baseline_order, ordered_baselines, require_baselines
from search.study.batch_size import stored_batch_sizes
from search.study.folders import default_artifacts
from search.study.location import require_there
from search.study.own_folder import require_places
from search.study.space import study_space, widening_of
from search.study.study_name import require_study_name
from search.trackers.tracking import Tracking
from search.training.data.split import split
from search.workers.join import installed_versions
from search.workers.placement import find_placements
from search.workers.settings import WorkerSettings
from spaces import Baseline, Space, SpaceSource, resolve
from spaces.metrics import DEFAULT_METRIC, METRICS, MetricName
from spaces.narrowing import parse_narrowing
from spaces.precision import Precision
from spaces.resizing import AS_FOUND, ImageSize, Resize, Resizing
from spaces.widening import batch_size_given, require_undecided, widened
from storage import Manifest, SharedStudy, check_url, open_artifacts, open_study
from storage.default_url import DEFAULT_STORAGE
from storage.errors import StudyNotFound
from storage.masking import hide_in_arguments, hide_password
from storage.records import SlotOrder
from storage.study import require_same

T = TypeVar("T")

DEFAULT_DATASET = "digits"
VALIDATION_FRACTION = 0.2


@dataclass(frozen=True)
class LaunchOptions:
    """The flags of `python -m search.launch`; None where one wasn't given. `placed` has workers elsewhere run the
    study, and returns how that ended so far; None for workers on this machine. `answerer` ends a finished search with
    an answer; None for none.
    """

    space: str
    storage: str = DEFAULT_STORAGE
    study_name: str | None = None
    dataset: str | None = None
    n_trials: int | None = None
    epochs: int | None = None
    batch_size: tuple[int, ...] = ()
    precision: Precision | None = None
    sampler: str | None = None
    pruner: str | None = None
    objective: MetricName | None = None
    artifact_store: str | None = None
    seed: int | None = None
    limit_train: int | None = None
    validation_share: float | None = None
    image_size: ImageSize | None = None
    resize: Resize | None = None
    only: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    baselines: bool = False
    dry_run: bool = False
    format_: Literal["table", "json"] = "table"
    quiet: bool = False
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    tracking: Tracking = field(default_factory=Tracking)
    placed: Callable[[SharedStudy], End] | None = None
    answerer: "Callable[[FinishedSearch], End] | None" = None


@dataclass(frozen=True)
class FinishedSearch:
    """A search whose trials are done, for its answer: the study, how workers run, and where to say what is going on."""

    shared: SharedStudy
    storage: str
    workers: WorkerSettings
    quiet: bool
    say: Callable[[str], None]


@dataclass(frozen=True)
class Existing:
    """An existing study: its manifest, how many trials were ordered, and how many of them as baselines."""

    manifest: Manifest
    ordered: int
    baselines: int = 0


@dataclass(frozen=True)
class Plan:
    """The plan of a launch. `orders` are all slots that the ledger will have; `notes` are remarks for the user."""

    url: str
    study_name: str
    manifest: Manifest
    source: SpaceSource
    orders: tuple[SlotOrder, ...]
    existing: Existing | None
    cost: PlannedCost
    notes: tuple[str, ...] = ()

    @property
    def n_trials(self) -> int:
        """How many trials the study will have."""
        return len(self.orders)


def make_plan(options: LaunchOptions) -> Plan:
    """Checks every flag, and the space, the images and the storage that they name.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with them; nothing was created.
        StorageUnreachable: the database doesn't answer.
    """
    with errors_held_back():  # it may import Keras
        source = resolve(options.space)
    dataset = resolve_dataset(options.dataset or DEFAULT_DATASET)
    url = check_url(options.storage)
    name = options.study_name or f"{source.space.name}-{Path(dataset).stem}"
    existing = find_existing(url, name)
    if existing is not None and options.dataset is None:
        dataset = existing.manifest.dataset
        require_there(msgspec.structs.replace(existing.manifest, space=source.ref))
    manifest = make_manifest(options, source, dataset, existing)
    whole = widened(source.space, widening_of(manifest))
    if options.batch_size:
        require_undecided(source.space, batch_size_given(options.batch_size))
    manifest = narrow(manifest, options, whole, existing)
    space = study_space(manifest, source.space)
    sampler_choice(manifest.sampler)
    pruner_choice(manifest.pruner)
    if existing is not None:
        require_search(name, existing.manifest)
        require_same(name, existing.manifest, manifest)
    n_trials = wanted_trials(options, space, existing)
    find_placements(options.workers)
    require_writable(options.workers.artifacts or Path(manifest.artifacts))
    require_places(options.workers.artifacts, name, manifest, existing.manifest if existing else None)
    require_store(manifest.artifact_store)
    if options.tracking.tensorboard is not None:
        require_writable(options.tracking.tensorboard)
    baselines = wanted_baselines(options, space, existing)
    cost = planned_cost(space, manifest)
    if options.placed is None and options.workers.n_workers != 0:
        require_batch_memory(cost, manifest)
    said = (left_out_note(options, whole, space), unfit_note(space, manifest.image_shape), *cost_notes(cost, manifest))
    notes = tuple(note for note in said if note)
    return Plan(url, name, manifest, source, make_orders(space, manifest, n_trials, baselines), existing, cost, notes)


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


def left_out_note(options: LaunchOptions, space: Space, part: Space) -> str | None:
    """A note on requested baselines that are outside of the searched part, None if there are none."""
    within = {baseline.name for baseline in part.baselines}
    outside = [baseline.name for baseline in space.baselines if baseline.name not in within]
    if not options.baselines or not outside:
        return None
    return f"left out are the baselines {', '.join(outside)}: they lie outside of what --only, --range and --fix leave"


def require_search(study_name: str, stored: Manifest) -> None:
    """Raises UsageError if the study is a comparison, to which a launch has nothing to add."""
    if stored.comparison is not None:
        raise UsageError(
            f"the study {study_name!r} is a comparison: continue it with the command that created it, "
            f"{stored.command}; or choose another --study-name"
        )


def require_writable(folder: Path) -> None:
    """Raises UsageError unless the folder can be written, or created."""
    if not is_text(str(folder.absolute())):
        raise UsageError(f"the path {str(folder.absolute())!a} isn't UTF-8: give another one with --artifacts")
    try:
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    except OSError as error:
        raise UsageError(f"{folder} can't be a folder ({error.strerror}): give another one with --artifacts") from error
    if not there.is_dir():
        raise UsageError(f"{there} isn't a folder, so {folder} can't be created: give another one with --artifacts")
    if not os.access(there, os.W_OK):
        raise UsageError(f"{there} can't be written: give another folder with --artifacts")


def require_store(url: str | None) -> None:
    """Raises UsageError unless the URL is that of an artifact store that this program can talk to."""
    if url is None:
        return
    if "://" not in url:
        raise UsageError(
            f"--artifact-store {hide_password(url)}: give s3://BUCKET/PREFIX; a folder goes into --artifacts"
        )
    open_artifacts(url)


def find_existing(url: str, study_name: str) -> Existing | None:
    """The study of that name, None if there is none yet.

    Raises:
        UsageError: there is none, and no study can have such a name.
    """
    try:
        with open_study(url, study_name, only_look=True) as shared:
            return Existing(shared.manifest, shared.ledger.counts().total, ordered_baselines(shared.ledger.slots()))
    except StudyNotFound:
        require_study_name(study_name)
        return None


def make_manifest(
    options: LaunchOptions, source: SpaceSource, dataset: str, existing: Existing | None, verb: str = "launch"
) -> Manifest:
    """The manifest that the flags ask for. What they don't say is as in the existing study, else the default.

    `verb` is the command that they are the flags of.
    """
    stored = existing.manifest if existing is not None else None
    space = source.space
    data_dir = options.workers.data_dir or (Path(stored.data_dir) if stored is not None and stored.data_dir else None)
    resizing = wanted_resizing(options, stored)
    images = load_dataset(dataset, None if data_dir is None else str(data_dir), resizing)
    seed = pick(options.seed, stored.seed if stored else None, 0)
    limit_train = pick(options.limit_train, stored.limit_train if stored else None, None)
    share = pick(options.validation_share, stored.validation_fraction if stored else None, VALIDATION_FRACTION)
    require_a_use(options.validation_share, images)
    sizes = options.batch_size or (stored_batch_sizes(stored) if stored else (space.batch_size,))
    parts = split(images, share, seed, limit_train)
    objective: MetricName = pick(options.objective, stored.objective if stored else None, DEFAULT_METRIC)
    precision: Precision = pick(options.precision, stored.precision if stored else None, "float32")
    return Manifest(
        space=source.ref,
        space_version=space.version,
        question=space.question,
        space_fingerprint=source.fingerprint,
        dataset=dataset,
        dataset_fingerprint=images.fingerprint(),
        image_shape=images.image_shape,
        classes=images.classes,
        n_train=parts.n_train,
        n_validation=parts.n_val,
        n_test=len(parts.x_test),
        own_validation=images.n_own_validation > 0,
        class_counts=parts.class_counts,
        inventory=msgspec.to_builtins(images.inventory),
        epochs=pick(options.epochs, stored.epochs if stored else None, space.epochs),
        batch_size=max(sizes),
        batch_sizes=sizes if len(sizes) > 1 else (),
        precision=precision,
        objective=objective,
        direction=METRICS[objective].direction,
        sampler=pick(options.sampler, stored.sampler if stored else None, "tpe"),
        pruner=pick(options.pruner, stored.pruner if stored else None, "asha"),
        seed=seed,
        validation_fraction=share,
        limit_train=limit_train,
        resizing=resizing,
        artifacts=str((options.workers.artifacts or default_artifacts(options.storage)).absolute()),
        artifact_store=options.artifact_store or (stored.artifact_store if stored else None),
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions=installed_versions(),
        data_dir=None if data_dir is None else str(data_dir.absolute()),
        folder_marked=True,
        command=without_secrets(sys.argv, verb),
    )


def wanted_resizing(options: LaunchOptions, stored: Manifest | None) -> Resizing:
    """What images are brought to: a size that is given keeps their aspect unless the flags say otherwise."""
    known = AS_FOUND if stored is None else stored.resizing
    size = pick(options.image_size, known.size, None)
    usual: Resize = known.resize if stored is not None or size is None else "crop"
    return Resizing(size, options.resize or usual)


def require_a_use(validation_share: float | None, images: DataSet) -> None:
    """Raises UsageError for a share of images that came with their own for validation."""
    if validation_share is not None and images.n_own_validation:
        raise UsageError(
            f"--validation-share: {images.name} has {images.n_own_validation} validation images of its own, which are "
            "used, and takes none of the training images. Leave the flag out, or take the validation images away"
        )


def pick(flag: T | None, stored: T | None, default: T) -> T:
    """The flag if it was given, else what the study has, else the default."""
    return flag if flag is not None else stored if stored is not None else default


def wanted_trials(options: LaunchOptions, space: Space, existing: Existing | None) -> int:
    """How many trials the study will have.

    Raises:
        UsageError: it holds more already.
    """
    if existing is None or not existing.ordered:
        return options.n_trials or space.n_trials
    if options.n_trials is not None and options.n_trials < existing.ordered:
        raise UsageError(
            f"{existing.ordered} trials were ordered of the study, and --n-trials {options.n_trials} can't take any "
            "away: give a larger number, or another --study-name"
        )
    return options.n_trials or existing.ordered


def wanted_baselines(options: LaunchOptions, space: Space, existing: Existing | None) -> tuple[Baseline, ...]:
    """The baselines that the study begins with.

    Raises:
        UsageError: the space has none, or the study has begun with something else.
    """
    if existing is None or not existing.ordered:
        return require_baselines(space) if options.baselines else ()
    if options.baselines and not existing.baselines:
        raise UsageError(
            "--baselines: the study's first slots are ordered already, and without them. Leave the flag out, or give "
            "another --study-name"
        )
    return space.baselines[: existing.baselines]


def make_orders(
    space: Space, manifest: Manifest, n_trials: int, baselines: Sequence[Baseline] = ()
) -> tuple[SlotOrder, ...]:
    """The slots of the study, baselines first: each with its seed, and for a grid with its parameters.

    Raises:
        UsageError: there are more baselines than trials, or more trials than the grid has points.
    """
    if n_trials < len(baselines):
        names = ", ".join(baseline.name for baseline in baselines)
        raise UsageError(
            f"{space.name} has {len(baselines)} baselines ({names}): give --n-trials {len(baselines)}, or more"
        )
    seeds = [derive_seed(manifest.seed, slot) for slot in range(n_trials)]
    first = [baseline_order(baseline, seed) for baseline, seed in zip(baselines, seeds, strict=False)]
    others = seeds[len(baselines) :]
    if manifest.sampler != GRID:
        return (*first, *(SlotOrder(seed=seed) for seed in others))
    points = grid_points(space, manifest.seed)
    if len(others) > len(points):
        raise UsageError(
            f"the grid of {space.name} has {len(points)} points, fewer than the {len(others)} trials asked for: "
            f"give --n-trials {len(points) + len(baselines)} or less, or another sampler"
        )
    return (*first, *(SlotOrder(seed=seed, params=params) for seed, params in zip(others, points, strict=False)))


def without_secrets(arguments: list[str], verb: str = "launch") -> str:
    """The command line, for the study's manifest, without the storage's URL, and without the passwords of others."""
    kept: list[str] = []
    skip = False
    for argument in arguments[1:]:
        if not skip and not argument.startswith("--storage"):
            kept.append(argument)
        skip = argument == "--storage"
    return shlex.join(["python", "-m", f"search.{verb}", *hide_in_arguments(kept)])
