"""Whether a study still wants one of its workers: people pause studies, and limit how many work on one."""

from dataclasses import dataclass

from storage.queue import Standing


@dataclass
class Assignment:
    """What the study's queue said of this worker last, None before it was asked. Heartbeats ask."""

    standing: Standing | None = None

    @property
    def wanted(self) -> bool:
        """Whether the worker may begin another epoch."""
        return self.standing is None or self.standing.is_wanted
