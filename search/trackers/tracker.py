"""What the follower asks of a tracker, and which trackers there are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from search.errors import UsageError
from storage.records import EpochRow, Outcome


@dataclass(frozen=True)
class EndedTrial:
    """What is known of a trial once it has ended: parameters by name, and attributes such as host and device."""

    outcome: Outcome
    params: Mapping[str, Any]
    attributes: Mapping[str, Any]


class Tracker(Protocol):
    """Keeps records of one study. Of a trial for which it raises something it is told again later, from `begin` on;
    nothing else suffers.
    """

    def begin(self, number: int) -> int | None:
        """Takes a trial up, perhaps again: how many of its epochs are on record already, None if all of it is."""

    def record(self, number: int, epochs: Sequence[EpochRow]) -> None:
        """Records further epochs of a trial."""

    def end(self, number: int, trial: EndedTrial) -> None:
        """Completes the records of a trial."""

    def close(self) -> None:
        """Writes out what is left."""


@dataclass(frozen=True)
class Tracking:
    """Where a launch's search is to be tracked: a folder for TensorBoard, a URI for MLflow."""

    tensorboard: Path | None = None
    mlflow: str | None = None

    def require(self) -> None:
        """Raises UsageError if a package is missing for what is asked for."""
        self.makers("", "")

    def makers(self, study_name: str, stamp: str) -> dict[str, Callable[[], Tracker]]:
        """What makes the trackers of the study with that stamp that are asked for, by their names; nothing is written
        before it is called.

        Raises:
            UsageError: a package is missing.
        """
        found: dict[str, Callable[[], Tracker]] = {}
        if self.tensorboard is not None:
            from search.trackers.tensorboard import TensorBoard

            folder = self.tensorboard
            found["TensorBoard"] = lambda: TensorBoard(folder, study_name, stamp)
        if self.mlflow is not None:
            from search.trackers.mlflow import Mlflow

            uri = self.mlflow
            found["MLflow"] = lambda: Mlflow(uri, study_name, stamp)
        return found


def missing(flag: str, package: str) -> UsageError:
    """The error for a tracker whose package isn't installed."""
    return UsageError(f"{flag} needs {package}, which isn't installed: pip install {package}")
