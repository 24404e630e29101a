"""Whether a study still wants one of its workers: people pause studies, and limit how many work on one."""

from dataclasses import dataclass


@dataclass
class Assignment:
    """What the study's queue told this worker last; heartbeats ask."""

    told: bool = True

    @property
    def wanted(self) -> bool:
        """Whether the worker may begin another epoch."""
        return self.told
