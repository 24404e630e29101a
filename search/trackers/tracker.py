"""The interface of a tracker, and the available trackers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from search.errors import UsageError
from spaces.epoch_scores import EpochScores
from storage.records import Outcome


@dataclass(frozen=True)
class EndedTrial:
    """The data of a finished trial: parameters by name, and attributes such as host and device."""

    outcome: Outcome
    params: Mapping[str, Any]
    attributes: Mapping[str, Any]


class Tracker(Protocol):
    """Logs one study. A trial for which it raises an error is passed to it again later, from `begin` on; nothing else
    is affected.
    """

    def begin(self, number: int) -> int | None:
        """Begins or resumes a trial; returns how many of its epochs are logged already, None if the trial is
        complete.
        """

    def record(self, number: int, epochs: Sequence[EpochScores]) -> None:
        """Logs further epochs of a trial."""

    def end(self, number: int, trial: EndedTrial) -> None:
        """Logs the end of a trial."""

    def close(self) -> None:
        """Writes everything that is buffered."""


@dataclass(frozen=True)
class Tracking:
    """The trackers of a launch: a folder for TensorBoard, a URI for MLflow."""

    tensorboard: Path | None = None
    mlflow: str | None = None

    def require(self) -> None:
        """Raises UsageError if the package of a requested tracker is missing."""
        self.makers("", "")

    def makers(self, study_name: str, stamp: str) -> dict[str, Callable[[], Tracker]]:
        """The factories of the requested trackers, by name, for the study with that stamp; nothing is written before
        they are called.

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
