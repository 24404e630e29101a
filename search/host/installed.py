"""The installed packages, compared with the project's declared ranges and with its lock file."""

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "keras-image-search"
LOCK = Path(__file__).resolve().parents[2] / "constraints.txt"


@dataclass(frozen=True)
class Installed:
    """A package with the wrong version: the installed one, None if there is none, and the valid ones."""

    name: str
    version: str | None
    wanted: str


def version_of(name: str) -> str | None:
    """The installed version, None if it isn't installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def out_of_range() -> list[Installed]:
    """The packages that the project needs and that are missing, or in a version that it doesn't work with."""
    wrong = []
    for text in importlib.metadata.requires(PROJECT) or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = version_of(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            wrong.append(Installed(requirement.name, version, str(requirement.specifier)))
    return wrong


def differing_from_lock(lock: Path = LOCK) -> list[Installed] | None:
    """The project's packages, and theirs, whose version isn't the one in constraints.txt; None without that file."""
    if not lock.is_file():
        return None
    pins = dict(pinned(lock.read_text(encoding="utf-8")))
    needed = dependencies(PROJECT)
    found = [Installed(name, version_of(name), wanted) for name, wanted in pins.items() if name in needed]
    return [one for one in found if one.version is not None and one.version != one.wanted]


def pinned(text: str) -> Iterator[tuple[str, str]]:
    """The names and versions in a file of constraints."""
    for line in text.splitlines():
        name, equal, version = line.partition("==")
        if equal and not line.startswith("#"):
            yield canonicalize_name(name), version.strip()


def dependencies(project: str) -> set[str]:
    """The names of all packages that the project needs, directly or not, as far as they are installed."""
    found, waiting = set[str](), [canonicalize_name(project)]
    while waiting:
        name = waiting.pop()
        if name in found or version_of(name) is None:
            continue
        found.add(name)
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return found
