"""The paths of a study's space, images and files on this host.

The manifest has the paths at the study's creation. The files may have been moved since, or be elsewhere on another
host: fingerprints identify them, and flags give their paths.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import msgspec

from search.datasets import resolve_dataset
from search.errors import UsageError
from search.study.folders import study_root
from spaces.paths import at_home
from storage import Manifest, SharedStudy

KEPT = "; or have search.worker run the source that is kept with the study, if you trust it, with --trust-spaces"


@dataclass(frozen=True)
class Places:
    """Where a study's space and images are on this host, None for where its manifest says."""

    space: str | None = None
    dataset: str | None = None


def located(shared: SharedStudy, places: Places) -> SharedStudy:
    """The study with its space and images where they are on this host."""
    manifest = shared.manifest
    space = manifest.space if places.space is None else places.space
    dataset = manifest.dataset if places.dataset is None else places.dataset
    return dataclasses.replace(shared, manifest=msgspec.structs.replace(manifest, space=space, dataset=dataset))


def typed_places(space: str | None, dataset: str | None) -> Places:
    """Typed references in the form of manifests: files and folders of the current folder in full, and
    names as they are, whatever else has such a name there. None stays None.

    Raises:
        UnknownDataset: the images aren't there.
    """
    return Places(None if space is None else _typed_space(space), None if dataset is None else resolve_dataset(dataset))


def _typed_space(ref: str) -> str:
    place, colon, member = ref.rpartition(":") if not ref.endswith(".py") else (ref, "", "")
    return f"{at_home(Path(place)).absolute()}{colon}{member}" if place.endswith(".py") else ref


def places_that_differ(stored: Manifest, here: Manifest) -> Places:
    """The paths to pass to workers because they differ from the stored manifest."""
    return Places(
        None if here.space == stored.space else here.space, None if here.dataset == stored.dataset else here.dataset
    )


def require_there(manifest: Manifest) -> None:
    """Raises UsageError, with what to do, if the space's file or the images aren't at the manifest's paths."""
    file, _, _ = manifest.space.rpartition(":")
    for what, place, flag in (
        ("space", file or manifest.space, "--space"),
        ("data set", manifest.dataset, "--dataset"),
    ):
        path = Path(place)
        if is_gone(path):
            trusted = "" if flag != "--space" or path.suffix != ".py" else KEPT
            raise UsageError(
                f"the study's {what} can't be found at {path} on this host: give its path here with {flag}{trusted}"
            )


def is_gone(path: Path) -> bool:
    """Whether nothing is at a path that a manifest has; names, of spaces and of data sets, aren't absolute."""
    return path.is_absolute() and not path.exists()


def require_images_there(manifest: Manifest) -> None:
    """Raises UsageError if the images aren't at the manifest's path, for commands that look nowhere else."""
    path = Path(manifest.dataset)
    if is_gone(path):
        raise UsageError(
            f"the study's images can't be found at {path} on this host: bring them back there, or put a link to them "
            "there"
        )


def artifact_folder(stored: Path, default: Path, study_name: str) -> Path:
    """The study's artifact folder: as in its manifest, or next to the database if both were moved."""
    return default if not stored.exists() and study_root(default, study_name).is_dir() else stored
