"""The interface of a tracker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


def missing(flag: str, package: str) -> UsageError:
    """The error for a tracker whose package isn't installed."""
    return UsageError(f"{flag} needs {package}, which isn't installed: pip install {package}")
