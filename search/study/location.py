"""Where a study's space, images and files are on this host.

The manifest says where they were when the study was made. They may have been moved since, and lie elsewhere on another
host: what they are, fingerprints tell, and where they are, flags.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import msgspec

from search.errors import UsageError
from search.study.folders import study_root
from storage import Manifest, SharedStudy


def located(shared: SharedStudy, space: str | None, dataset: str | None) -> SharedStudy:
    """The study with its space and images where they are on this host, None for where its manifest says."""
    manifest = shared.manifest
    here = msgspec.structs.replace(manifest, space=space or manifest.space, dataset=dataset or manifest.dataset)
    return dataclasses.replace(shared, manifest=here)


def absolute(ref: str | None) -> str | None:
    """A reference that somebody typed, as manifests have it: a file or folder of the current folder in full."""
    if ref is None:
        return None
    place, colon, member = ref.rpartition(":")
    path = Path(place if place.endswith(".py") else ref).expanduser()
    if not path.exists():
        return ref
    return f"{path.absolute()}{colon}{member}" if place.endswith(".py") else str(path.absolute())


@dataclass(frozen=True)
class Places:
    """Where a study's space and images are on this host, None for where its manifest says."""

    space: str | None = None
    dataset: str | None = None


def places_that_differ(stored: Manifest, here: Manifest) -> Places:
    """What workers must be told, as it isn't where the stored manifest says."""
    return Places(
        None if here.space == stored.space else here.space, None if here.dataset == stored.dataset else here.dataset
    )


def require_there(manifest: Manifest) -> None:
    """Raises UsageError, with what to do, if the space's file or the images aren't where the manifest says."""
    file, _, _ = manifest.space.rpartition(":")
    for what, place, flag in (
        ("space", file or manifest.space, "--space"),
        ("data set", manifest.dataset, "--dataset"),
    ):
        path = Path(place)
        if path.is_absolute() and not path.exists():
            raise UsageError(
                f"the study's {what} can't be found at {path} on this host: say with {flag} where it is here"
            )


def artifact_folder(stored: Path, beside: Path, study_name: str) -> Path:
    """The study's artifact folder: where its manifest says, or next to the database where both were moved."""
    return beside if not stored.exists() and study_root(beside, study_name).is_dir() else stored
