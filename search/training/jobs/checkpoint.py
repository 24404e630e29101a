"""Checkpoints: everything that the next epoch depends on, in one file an attempt.

A file holds the values of the model's variables (weights, moving averages, states of random generators) and of the
optimizer's, the scores of all epochs so far, and the identity of the job. It is written to a temporary name and then
renamed, so that a kill at any instant leaves the old or the new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import NDArray

from search.training.epochs.trainable_model import Stateful
from search.training.jobs.checked_arrays import DamagedFile, Form, read_arrays, read_words, shaped, write_arrays
from spaces.epoch_scores import EpochScores

LAST, KEPT = "v", "k"  # the names of arrays begin with it
PATTERN = "token-*.npz"
UNFIT = "its arrays don't fit the model"


class Meta(msgspec.Struct, frozen=True):
    """The header of a checkpoint."""

    identity: str
    history: tuple[EpochScores, ...]


class CheckpointError(Exception):
    """A file that isn't a usable checkpoint; the message says why."""


@dataclass(frozen=True, eq=False)
class Values:
    """The arrays of a checkpoint, as the file has them."""

    stored: dict[str, NDArray[Any]]
    forms: dict[str, Form]

    def of(self, kind: str, likes: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """The values of that kind, of which there are none or as many as in the model.

        Raises:
            CheckpointError: they aren't of the types and shapes of `likes`, the model's.
        """
        names = sorted(name for name in self.stored if name[0] == kind)
        arrays = [
            shaped(self.stored[name], self.forms.get(name), like) for name, like in zip(names, likes, strict=False)
        ]
        fitting = [value for value in arrays if value is not None]
        if len(names) not in (0, len(likes)) or len(fitting) != len(names):
            raise CheckpointError(UNFIT)
        return fitting


@dataclass(frozen=True)
class Resumed:
    """The scores of the epochs that needn't be trained again, the problems of checkpoints that couldn't be
    used, and the kept epoch's values if it isn't the last, else None.
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
        arrays = {f"{LAST}{number:04d}": value for number, value in enumerate(values)}
        arrays |= {f"{KEPT}{number:04d}": value for number, value in enumerate(kept or ())}
        path = self.folder / f"token-{self.token}.npz"
        part = path.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                write_arrays(file, meta, arrays)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def resume(self, model: Stateful) -> Resumed:
        """Brings a model to the state of the newest usable checkpoint; without one it stays as it is."""
        problems: list[str] = []
        for path, meta in self._newest_first(problems):
            try:
                self._require_same_job(meta)
                values, kept = _fitting(path, model.values())
            except CheckpointError as error:
                problems.append(_unused(path, error))
            else:
                model.restore(values)
                return Resumed(meta.history, tuple(problems), kept or None)
        return Resumed((), tuple(problems))

    def newest(self) -> tuple[EpochScores, ...]:
        """The scores that the newest checkpoint of this job has, none without one. Its values may be damaged."""
        found = [meta for _, meta in self._newest_first([]) if meta.identity == self.identity]
        return found[0].history if found else ()

    def _newest_first(self, problems: list[str]) -> list[tuple[Path, Meta]]:
        """Those that say what they are, the one with the most epochs first; about others `problems` says why."""
        checkpoints: list[tuple[Path, Meta]] = []
        for path in sorted(self.folder.glob(PATTERN)):
            try:
                checkpoints.append((path, _read_meta(path)))
            except CheckpointError as error:
                problems.append(_unused(path, error))
        return sorted(checkpoints, key=lambda item: len(item[1].history), reverse=True)

    def _require_same_job(self, meta: Meta) -> None:
        if meta.identity != self.identity:
            raise CheckpointError("it is of another job: its configuration, seed, data, batch size or precision differ")


def _unused(path: Path, error: CheckpointError) -> str:
    return f"the checkpoint {path} is not used: {error}"


def _read_meta(path: Path) -> Meta:
    try:
        return msgspec.json.decode(read_words(path), type=Meta)
    except (DamagedFile, msgspec.MsgspecError) as error:
        raise CheckpointError(str(error)) from error


def _fitting(path: Path, likes: Sequence[NDArray[Any]]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """The last values and those that were kept, if they were, each like one of `likes`."""
    try:
        values = Values(*read_arrays(path))
    except DamagedFile as error:
        raise CheckpointError(str(error)) from error
    last, kept = values.of(LAST, likes), values.of(KEPT, likes)
    if len(last) != len(likes):
        raise CheckpointError(UNFIT)
    return last, kept
