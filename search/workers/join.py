"""Joining a study as a worker: checks this machine against the manifest, and creates the worker's context."""

import dataclasses
import importlib.metadata
import os
import platform
import socket
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from search.errors import UsageError
from search.notify.notifier import notifier_of
from search.sampling.pruners import make_pruner
from search.sampling.samplers import sampler_choice
from search.study.folders import StudyFolder, default_artifacts
from search.study.images import find_images
from search.study.kept_space import is_missing, unpacked_space
from search.study.location import Places, artifact_folder, located, require_there, typed_places
from search.study.own_folder import prepare
from search.study.space import study_space
from search.trainers.child import TRAINER_COMMAND
from search.trainers.protocol import DataSource
from search.workers.assignment import Assignment
from search.workers.checkpoint_mirror import open_mirror
from search.workers.context import Limits, WorkerContext
from search.workers.job_end import JobEnd
from search.workers.placement import WorkerPlacement
from search.workers.settings import WorkerSettings
from search.workers.trainer_client import TrainerClient
from spaces import SpaceSource, resolve
from storage import Manifest, SharedStudy, open_study
from storage.fingerprint import fingerprint
from storage.records import WorkerInfo
from storage.retry import retry_while_unreachable

BACKENDS = ("jax", "tensorflow", "torch")  # of Keras, as KERAS_BACKEND and as packages
RECORDED_PACKAGES = ("keras-image-search", "keras", "numpy", "optuna", "scikit-learn", "sqlalchemy")
DECIDING_PACKAGES = ("keras-image-search", "keras", "optuna", *BACKENDS)


def join_study(
    url: str,
    study_name: str,
    settings: WorkerSettings,
    place: WorkerPlacement,
    trainer_command: Sequence[str] = TRAINER_COMMAND,
) -> WorkerContext:
    """Opens the study and registers as a worker of it; waits `settings.wait` seconds for the database.

    `trainer_command` starts a program that speaks search/trainers/protocol.py: see TrainerProcess.

    Raises:
        UsageError: code, packages or data of this machine aren't those of the study.
        StorageError: the study can't be opened.
    """
    return join_shared(open_study(url, study_name, wait_s=settings.wait), settings, place, trainer_command)


def join_shared(
    opened: SharedStudy,
    settings: WorkerSettings,
    place: WorkerPlacement,
    trainer_command: Sequence[str] = TRAINER_COMMAND,
) -> WorkerContext:
    """Registers as a worker of a study that is opened. Raises as `join_study` does."""
    shared = located(opened, typed_places(settings.space, settings.dataset))
    with ExitStack() as held:
        folder = study_folder(shared, settings.artifacts)
        if settings.trust_spaces and settings.space is None and is_missing(shared.manifest):
            shared = located(shared, Places(space=unpacked_space(folder, shared.manifest, held)))
        context = join_opened(shared, folder, settings, place, trainer_command)
        return dataclasses.replace(context, held=held.pop_all())


def join_opened(
    shared: SharedStudy,
    folder: StudyFolder,
    settings: WorkerSettings,
    place: WorkerPlacement,
    trainer_command: Sequence[str],
) -> WorkerContext:
    """Registers as a worker of a study whose space and images are at the places of its manifest. Raises as
    `join_study` does.
    """
    manifest = shared.manifest
    require_there(manifest)
    source = resolve(manifest.space, expected=manifest.space_fingerprint)
    data = data_source(manifest, settings.data_dir, folder)
    require_same_code(manifest, source)
    job_end = find_job_end(shared, settings.leave_before)
    prepare(folder, manifest)
    environment = place.for_trainer(manifest.batch_pixels)
    trainer = TrainerClient(folder, environment, settings.trainer_memory, trainer_command, place.number)
    trainer.start()  # importing Keras takes seconds: meanwhile everything else is prepared, and the first slot sampled
    try:
        require_same_images(manifest, data)
    except BaseException:
        trainer.discard()
        raise
    sampler_choice(manifest.sampler)  # that its packages are installed here
    info = register(shared, settings, place)
    standing = retry_while_unreachable(
        lambda: shared.queue.standing(info.worker_id), settings.wait, give_up=lambda: False
    )
    return WorkerContext(
        worker_id=info.worker_id,
        shared=shared,
        space=study_space(manifest, source.space),
        space_ref=source.ref,
        pruner=make_pruner(manifest.pruner, manifest.epochs_per_trial),
        data=data,
        folder=folder,
        mirror=open_mirror(folder),
        trainer=trainer,
        limits=Limits(
            trial_timeout_s=settings.trial_timeout, trial_memory_mb=settings.trial_memory, outage_s=settings.outage
        ),
        job_end=job_end,
        assignment=Assignment(standing.is_wanted),
        notifier=notifier_of(os.environ),
    )


def register(shared: SharedStudy, settings: WorkerSettings, place: WorkerPlacement) -> WorkerInfo:
    """Enters this process among the study's workers, under an id that no other has had."""
    host, pid = socket.gethostname(), os.getpid()
    worker_id = f"{host}-{pid}-{uuid.uuid4().hex[:8]}"
    info = WorkerInfo(worker_id, host, pid, place.device, installed_versions(), settings.job)
    retry_while_unreachable(lambda: shared.workers.register(info), settings.wait, give_up=lambda: False)
    return info


def find_job_end(shared: SharedStudy, leave_before: float | None) -> JobEnd:
    """The end of this worker's job, with the study's slowest epochs under way as the first measure of an epoch.

    Raises:
        UsageError: no epoch fits before it.
    """
    if leave_before is None:
        return JobEnd()
    end = JobEnd(leave_before)
    for slot in shared.ledger.under_way():
        end.note_epoch(slot.seconds_per_epoch or 0.0)
    end.require_epoch()
    return end


def study_folder(shared: SharedStudy, artifacts: Path | None) -> StudyFolder:
    """The study's files, in the given folder or in the manifest's."""
    manifest = shared.manifest
    default = default_artifacts(shared.engine.url.render_as_string()).absolute()
    place = artifacts or artifact_folder(Path(manifest.artifacts), default, shared.name)
    return StudyFolder(place, shared.name, shared.key.stamp, manifest.artifact_store, fingerprint(shared.engine.url))


def data_source(manifest: Manifest, data_dir: Path | None, folder: StudyFolder | None = None) -> DataSource:
    """The study's data set, found on this machine; with `folder`, decoded there by a worker, if it was."""
    where = data_dir or (Path(manifest.data_dir) if manifest.data_dir else None)
    return DataSource(
        dataset=manifest.dataset,
        data_dir=None if where is None else str(where),
        validation_fraction=manifest.validation_fraction,
        limit_train=manifest.limit_train,
        resizing=manifest.resizing,
        folds=manifest.validation.folds,
        fold=max(0, manifest.validation.folds - 1),  # whose model a trial keeps
        rest=manifest.validation.kind == "rest",
        decoded=None if folder is None else str(folder.images(manifest.dataset_fingerprint).absolute()),
        fingerprint=None if folder is None else manifest.dataset_fingerprint,
    )


def require_same(manifest: Manifest, source: SpaceSource, data: DataSource) -> None:
    """Raises UsageError unless this machine's space, packages and images are those of the study."""
    require_same_code(manifest, source)
    require_same_images(manifest, data)


def require_same_code(manifest: Manifest, source: SpaceSource) -> None:
    """Raises UsageError unless this machine's space and packages are those of the study."""
    found = {"space version": str(source.space.version), "space source": source.fingerprint[:12]}
    asked = {"space version": str(manifest.space_version), "space source": manifest.space_fingerprint[:12]}
    found |= {name: version for name, version in installed_versions().items() if name in DECIDING_PACKAGES}
    asked |= {name: version for name, version in manifest.versions.items() if name in DECIDING_PACKAGES}
    _require_equal(asked, found, "Install the study's versions")


def require_same_images(manifest: Manifest, data: DataSource) -> None:
    """Raises UsageError unless this machine's images are those of the study. Many are decoded here for all trainers."""
    asked, found = {"images": manifest.dataset_fingerprint[:12]}, {"images": find_images(manifest, data)[:12]}
    _require_equal(
        asked, found, "Give the path of the study's images here with --dataset, or --data-dir if they have a name"
    )


def _require_equal(asked: Mapping[str, str], found: Mapping[str, str], remedy: str) -> None:
    differences = differing(asked, found)
    if differences:
        raise UsageError(
            f"this machine can't work on the study, as its results would not be comparable: {'; '.join(differences)}. "
            f"{remedy}, or start a study of another --study-name."
        )


def differing(asked: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """The differences between this machine and the study."""
    return [
        f"{name} is {found.get(name, 'missing')} here and {value} in the study"
        for name, value in asked.items()
        if found.get(name) != value
    ]


def installed_versions() -> dict[str, str]:
    """The versions of Python and of the packages that results depend on, of Keras' backends that which is in use."""
    versions = {"python": platform.python_version()}
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    for package in (*RECORDED_PACKAGES, *(name for name in BACKENDS if name == backend)):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # a CPU or GPU build under another name; the trainer says which backend runs
    return versions
