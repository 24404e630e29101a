"""The design of a comparison, part of its study's manifest: its arms, replicates and margin."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from storage.records import FinishedSlot, Scalar


class DesignCell(NamedTuple):
    """What a slot of a comparison is: the number of its arm and that of its replicate, both counted from 0."""

    arm: int
    replicate: int


Setting = str | int | float | bool
Kind = Literal["comparison", "confirmation", "screening", "noise", "race", "ablation"]


class TwoLevels(msgspec.Struct, frozen=True):
    """A setting of a screening, by its parameter's name, and the two values that it takes."""

    name: str
    low: Setting
    high: Setting


class ArmDesign(msgspec.Struct, frozen=True):
    """One arm: its name, and its configuration as JSON.

    `params` are the parameters of the study's space that gave the configuration, empty if none did. `published` are its
    known scores, by metric (`test_accuracy`). `selected` is the score by which a search selected it.
    """

    name: str
    configuration: dict[str, Any]
    params: dict[str, Scalar] = {}
    published: dict[str, float] = {}
    selected: float | None = None


class PlannedLook(msgspec.Struct, frozen=True):
    """When every arm has `replicates` of them, the pairs are judged at `level`.

    `added` is true if these replicates were added after the earlier looks, not planned with them.
    """

    replicates: int
    level: float
    added: bool = False


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What a study compares. Its slots go replicate by replicate, so that one that is cut off is balanced.

    `margin` is the smallest difference that matters, in the objective's unit. `looks` are the numbers of replicates
    after which the arms are judged; the comparison may end at each, and ends with the last. `axis` is the parameter
    whose choices are the arms, `at` the origin of all other values ("baseline base", "trial 12 of S"); `tuned` the
    number of trials with which each arm was tuned. `origin` is the study of the search that the arms are from.
    `article` and `experiment` name the published experiment. `settings` are those of a screening, whose arms are the
    configurations of its design (search/statistics/screening.py), or of an ablation, whose arms are all configurations
    of them (search/statistics/ablation.py). A measurement of noise has one arm, whose replicates are the cells of a
    Latin square of seeds (search/statistics/noise.py). `reference` is the arm with which a race compares its
    candidates; it is one itself if it was selected; `trials` is how many of the search were finished then. An `anytime`
    one is judged by e-processes (search/statistics/eprocess.py), at the same level at every look.
    """

    question: str
    arms: tuple[ArmDesign, ...]
    margin: float
    looks: tuple[PlannedLook, ...]
    kind: Kind = "comparison"
    axis: str | None = None
    at: str | None = None
    tuned: int | None = None
    origin: str | None = None
    article: str | None = None
    experiment: str | None = None
    settings: tuple[TwoLevels, ...] = ()
    reference: str | None = None
    trials: int | None = None
    anytime: bool = False

    @property
    def arm_names(self) -> tuple[str, ...]:
        """The arms' names, in their order."""
        return tuple(arm.name for arm in self.arms)

    @property
    def last_look(self) -> PlannedLook:
        """The look with which the comparison ends."""
        return self.looks[-1]

    def cell(self, slot: int) -> DesignCell:
        """The arm and the replicate of the slot with that number."""
        replicate, arm = divmod(slot, len(self.arms))
        return DesignCell(arm, replicate)

    def slot(self, cell: DesignCell) -> int:
        """The number of the slot of an arm's replicate."""
        return self.slots_of(cell.replicate) + cell.arm

    def slots_of(self, replicates: int) -> int:
        """How many slots it takes for every arm to have that many replicates."""
        return replicates * len(self.arms)

    def arm_of(self, slot: int) -> ArmDesign:
        """The arm of the slot with that number."""
        return self.arms[self.cell(slot).arm]

    @property
    def candidates(self) -> tuple[str, ...]:
        """The arms that a search has selected: all but a reference that it hasn't."""
        return tuple(arm.name for arm in self.arms if arm.selected is not None)

    def best_of_arms(self, ranked: Iterable[FinishedSlot]) -> list[FinishedSlot]:
        """The first slot of each arm, in the order of the slots given, best first. Of a screening, an ablation or a
        measurement of noise none is wanted: they are about differences.
        """
        if self.kind in ("screening", "noise", "ablation"):
            return []
        best: dict[int, FinishedSlot] = {}
        for done in ranked:
            best.setdefault(self.cell(done.slot).arm, done)
        return list(best.values())

    def facets(self) -> dict[str, Any]:
        """The parts of a design, by name and arm by arm, that must be equal for two designs to be one comparison.

        The number of replicates and the margin aren't among them: replicates can be added, and the margin only affects
        the analysis.
        """
        arms = {f"arm {arm.name}": arm.configuration for arm in self.arms}
        return {"arms": ", ".join(self.arm_names), "tuned": self.tuned, **arms}
