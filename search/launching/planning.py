"""From the flags of a launch to a plan: everything checked, nothing created yet."""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from search.console.held_errors import errors_held_back
from search.console.outside_text import is_text
from search.datasets import resolve_dataset
from search.errors import UsageError
from search.launching.absent_classes import absent_classes_note
from search.launching.asked_manifest import DEFAULT_DATASET, Existing, find_existing, make_manifest, narrow
from search.launching.cost import PlannedCost, cost_notes, fitting_ones, paused_note, planned_cost, require_batch_memory
from search.launching.ending import ended_note, goes_on, wanted_rule
from search.launching.fitting import drawn_at_random, unfit_note
from search.launching.limits import require_possible
from search.launching.options import LaunchOptions
from search.launching.orders import make_orders, wanted_baselines, wanted_trials
from search.sampling.pruners import pruner_choice
from search.sampling.samplers import sampler_choice
from search.study.location import require_there
from search.study.own_folder import require_places
from search.study.space import study_space, widening_of
from search.workers.placement import find_placements
from search.workers.settings import WorkerSettings
from spaces import Space, SpaceSource, resolve
from spaces.class_weight import CLASS_WEIGHT
from spaces.widening import (
    BATCH_SIZE,
    IMAGE_SIZE,
    batch_size_given,
    class_weight_given,
    image_size_given,
    require_undecided,
    widened,
)
from storage import Manifest, check_url, open_artifacts
from storage.ending import EndingRule
from storage.masking import hide_password
from storage.records import SlotOrder
from storage.study import require_same


@dataclass(frozen=True)
class Plan:
    """The plan of a launch. `orders` are all slots that the ledger will have; `notes` are remarks for the user.
    `rule` ends the search early; `goes_on` says that one which has ended is continued.
    """

    url: str
    study_name: str
    manifest: Manifest
    source: SpaceSource
    orders: tuple[SlotOrder, ...]
    existing: Existing | None
    cost: PlannedCost
    notes: tuple[str, ...] = ()
    rule: EndingRule | None = None
    goes_on: bool = False

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
    require_effect(options, source.space)
    manifest = narrow(manifest, options, whole, existing)
    space = study_space(manifest, source.space)
    sampler_choice(manifest.sampler)
    pruner_choice(manifest.pruner)
    if existing is not None:
        require_search(name, existing.manifest)
        require_same(name, existing.manifest, manifest)
    rule = wanted_rule(options, manifest, existing)
    going_on = goes_on(options, rule, existing)
    n_trials = wanted_trials(options, space, existing, going_on=going_on)
    require_resources(options.workers, name, manifest, existing)
    if options.tracking.tensorboard is not None:
        require_writable(options.tracking.tensorboard)
    baselines = wanted_baselines(options, space, existing)
    found = list(drawn_at_random(space))
    fitting = fitting_ones(space, manifest, found)
    share_within = require_possible(space, manifest, baselines, fitting)
    cost = planned_cost(manifest, fitting)
    if options.placed is None and options.workers.n_workers != 0:
        require_batch_memory(cost, manifest)
    said = (
        ended_note(existing, going_on=going_on),
        left_out_note(options, whole, space),
        unfit_note(space, manifest, found),
        absent_classes_note(manifest),
        share_within,
        *cost_notes(cost, manifest),
        paused_note(manifest, n_trials, fitting),
    )
    notes = tuple(note for note in said if note)
    orders = make_orders(space, manifest, n_trials, baselines)
    return Plan(url, name, manifest, source, orders, existing, cost, notes, rule, going_on)


def require_effect(options: LaunchOptions, space: Space) -> None:
    """Raises SpaceError if flags ask for what the configurations of the space decide themselves."""
    if options.batch_size:
        require_undecided(space, BATCH_SIZE, batch_size_given(options.batch_size))
    if options.class_weight:
        require_undecided(space, CLASS_WEIGHT, class_weight_given(options.class_weight))
    if options.image_size:
        require_undecided(space, IMAGE_SIZE, image_size_given(options.image_size))


def left_out_note(options: LaunchOptions, space: Space, part: Space) -> str | None:
    """A note on requested baselines that are outside of the searched part, None if there are none."""
    within = {baseline.name for baseline in part.baselines}
    outside = [baseline.name for baseline in space.baselines if baseline.name not in within]
    if not options.baselines or not outside:
        return None
    return f"left out are the baselines {', '.join(outside)}: they lie outside of what --only, --range and --fix leave"


def require_resources(workers: WorkerSettings, study_name: str, manifest: Manifest, existing: Existing | None) -> None:
    """Raises UsageError unless this machine has the GPUs that are asked for, and the study's files have a place."""
    find_placements(workers)
    require_writable(workers.artifacts or Path(manifest.artifacts))
    require_places(workers.artifacts, study_name, manifest, existing.manifest if existing else None)
    require_store(manifest.artifact_store)


def require_search(study_name: str, stored: Manifest) -> None:
    """Raises UsageError if the study is a comparison, to which a launch has nothing to add."""
    if not stored.is_search:
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
