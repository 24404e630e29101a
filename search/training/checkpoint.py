"""Checkpoints: everything that the next epoch depends on, in one file an attempt.

A file holds the values of the model's variables (weights, moving averages, states of random generators) and of the
optimizer's, the scores of all epochs so far, and the identity of the job. It is written to a temporary name and then
renamed, so that a kill at any instant leaves the old or the new one.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from search.training.fit import EpochScores
from search.training.trainee import Stateful

META = "meta"
LAST, KEPT = "v", "k"  # the names of arrays begin with it
PATTERN = "token-*.npz"


class Meta(msgspec.Struct, frozen=True):
    """What a checkpoint says of itself."""

    identity: str
    history: tuple[EpochScores, ...]


class CheckpointError(Exception):
    """A file that is no usable checkpoint; the message says why."""


@dataclass(frozen=True)
class Resumed:
    """The scores of the epochs that needn't be trained again, of each checkpoint that couldn't be used, why, and the
    values of the epoch that was kept beside the last, None if none was.
    """

    history: tuple[EpochScores, ...]
    problems: tuple[str, ...]
    kept: Sequence[NDArray[Any]] | None = None


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one slot: this attempt writes the one of its token, and may resume from any.

    `identity` is the job's: a checkpoint of another job isn't resumed from.
    """

    folder: Path
    token: int
    identity: str

    def save(
        self,
        values: Sequence[NDArray[Any]],
        history: Sequence[EpochScores],
        kept: Sequence[NDArray[Any]] | None = None,
    ) -> None:
        """Replaces this attempt's checkpoint by one of these values, after the epochs of that history; `kept` are the
        values after an earlier epoch that are needed in the end.

        Raises:
            OSError: it couldn't be written (a full disk); an earlier checkpoint is untouched.
        """
        meta = msgspec.json.encode(Meta(self.identity, tuple(history)))
        arrays: dict[str, NDArray[Any]] = {META: np.frombuffer(meta, np.uint8)}
        arrays |= {f"{LAST}{number:04d}": value for number, value in enumerate(values)}
        arrays |= {f"{KEPT}{number:04d}": value for number, value in enumerate(kept or ())}
        path = self.folder / f"token-{self.token}.npz"
        part = path.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def resume(self, trainee: Stateful) -> Resumed:
        """Brings a trainee to the state of the newest usable checkpoint; without one it stays as it is."""
        problems: list[str] = []
        for path in self._newest_first(problems):
            try:
                meta, values, kept = _read(path)
                self._require_same_job(meta)
                _restore(trainee, values)
            except CheckpointError as error:
                problems.append(_unused(path, error))
            else:
                return Resumed(meta.history, tuple(problems), kept or None)
        return Resumed((), tuple(problems))

    def _newest_first(self, problems: list[str]) -> list[Path]:
        """The readable checkpoints, that with the most epochs first; what can't be read is added to `problems`."""
        epochs: dict[Path, int] = {}
        for path in sorted(self.folder.glob(PATTERN)):
            try:
                epochs[path] = len(_read(path, values=False)[0].history)
            except CheckpointError as error:
                problems.append(_unused(path, error))
        return sorted(epochs, key=epochs.__getitem__, reverse=True)

    def _require_same_job(self, meta: Meta) -> None:
        if meta.identity != self.identity:
            raise CheckpointError("it is of another job: its configuration, seed, data, batch size or precision differ")


def _unused(path: Path, error: CheckpointError) -> str:
    return f"the checkpoint {path} is not used: {error}"


def _restore(trainee: Stateful, values: Sequence[NDArray[Any]]) -> None:
    if [value.shape for value in trainee.values()] != [value.shape for value in values]:
        raise CheckpointError("its arrays don't fit the model")
    trainee.restore(values)


def _read(path: Path, *, values: bool = True) -> tuple[Meta, list[NDArray[Any]], list[NDArray[Any]]]:
    """zipfile checks every array's checksum as it is read."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            meta = msgspec.json.decode(file[META].tobytes(), type=Meta)
            names = [name for name in sorted(file.files) if name != META] if values else []
            last, kept = ([file[name] for name in names if name[0] == kind] for kind in (LAST, KEPT))
            return meta, last, kept
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, msgspec.MsgspecError) as error:
        raise CheckpointError(f"it can't be read ({error})") from error
