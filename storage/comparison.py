"""The design of a comparison, part of its study's manifest: which arms, how many replicates, what matters."""

from typing import Any, Literal

import msgspec

from storage.records import Scalar


class ArmDesign(msgspec.Struct, frozen=True):
    """One arm: its name, and its configuration as JSON.

    `params` are the parameters of the study's space that gave the configuration, empty where none did. `published` are
    the numbers that are known of it, by metric (`test_accuracy`). `selected` is the score for which a search picked it.
    """

    name: str
    configuration: dict[str, Any]
    params: dict[str, Scalar] = {}
    published: dict[str, float] = {}
    selected: float | None = None


class PlannedLook(msgspec.Struct, frozen=True):
    """When every arm has `replicates` of them, the pairs are judged at `level`.

    `added` says that these replicates were asked for after the looks before, and not planned with them.
    """

    replicates: int
    level: float
    added: bool = False


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What a study compares. Its slot `r * len(arms) + a` is replicate r, counted from 0, of arm a.

    `margin` is the smallest difference that matters, in the objective's unit. `looks` says after how many replicates
    the arms are judged; the comparison may end at each, and ends with the last. `axis` is the parameter whose choices
    the arms are, `at` where all else is from ("baseline base", "trial 12 of S"); `tuned` how many trials each arm was
    tuned with. `origin` is the study of the search that the arms are from. `article` and `experiment` name what was
    published.
    """

    question: str
    arms: tuple[ArmDesign, ...]
    margin: float
    looks: tuple[PlannedLook, ...]
    kind: Literal["comparison", "confirmation"] = "comparison"
    axis: str | None = None
    at: str | None = None
    tuned: int | None = None
    origin: str | None = None
    article: str | None = None
    experiment: str | None = None

    @property
    def arm_names(self) -> tuple[str, ...]:
        """The arms' names, in their order."""
        return tuple(arm.name for arm in self.arms)

    @property
    def last_look(self) -> PlannedLook:
        """The look with which the comparison ends."""
        return self.looks[-1]

    def facets(self) -> dict[str, Any]:
        """What two designs must have in common to be one comparison, by name, each arm by itself.

        More replicates can be added to a comparison that is there, and its margin is about the analysis alone.
        """
        arms = {f"arm {arm.name}": arm.configuration for arm in self.arms}
        return {"arms": ", ".join(self.arm_names), "tuned": self.tuned, **arms}
