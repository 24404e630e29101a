"""Arms that are given as JSON files: each a configuration, or one with the name and data set that go with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from search.errors import UsageError
from search.study.space import configuration_of
from spaces.configuration import Configuration
from spaces.errors import ConfigurationError


class ArmFile(msgspec.Struct, frozen=True):
    """What an arm's file says. `dataset` is None where it says nothing of it."""

    configuration: Configuration
    name: str
    dataset: str | None = None


class _Envelope(msgspec.Struct, frozen=True):
    configuration: dict[str, Any]
    name: str | None = None
    dataset: str | None = None


def read_arms(paths: Sequence[Path]) -> tuple[ArmFile, ...]:
    """The arms in the files, named as the files are unless they say otherwise.

    Raises:
        UsageError: fewer than two; a file can't be read, or isn't a configuration; two arms have one name, or are the
            same; or they are for different data sets.
    """
    if len(paths) < 2:
        raise UsageError(f"a comparison needs two arms or more, and --arms names {len(paths)}: give more JSON files")
    arms = tuple(map(read_arm, paths))
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names):
        raise UsageError(f'two arms have the same name: {", ".join(names)}; rename a file, or give it a "name"')
    texts = [arm.configuration.to_json() for arm in arms]
    if len(set(texts)) < len(texts):
        raise UsageError(f"two of the arms {', '.join(names)} are the same configuration")
    require_one_dataset(arms)
    return arms


def read_arm(path: Path) -> ArmFile:
    """The arm in a file.

    Raises:
        UsageError: it can't be read, or isn't a configuration.
    """
    try:
        document = msgspec.json.decode(path.read_bytes())
        if isinstance(document, dict) and "configuration" in document:
            envelope = msgspec.convert(document, _Envelope)
            return ArmFile(configuration_of(envelope.configuration), envelope.name or path.stem, envelope.dataset)
        return ArmFile(configuration_of(document), path.stem)
    except (OSError, msgspec.MsgspecError, ConfigurationError) as error:
        raise UsageError(f"the arm {path} can't be read: {error}") from error


def require_one_dataset(arms: Sequence[ArmFile]) -> None:
    """Raises UsageError if the files name several data sets: their scores couldn't be compared."""
    named = {arm.name: arm.dataset for arm in arms if arm.dataset is not None}
    if len(set(named.values())) > 1:
        listed = ", ".join(f"{name} on {dataset}" for name, dataset in named.items())
        raise UsageError(f"the arms are of different data sets, so their scores can't be compared: {listed}")
