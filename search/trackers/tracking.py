"""The trackers that a launch is asked for. Their packages are imported when one is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from search.trackers.tracker import Tracker


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
