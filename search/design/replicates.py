"""Replicates: which slot is which arm's, and the random numbers that all arms have in common.

Replicate k of every arm has the same split, the same seed of its initial weights, and the same order of images. Slots
go replicate by replicate, so that a comparison that is cut off is balanced.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from search.sampling.seeds import derive_seed
from search.study.split_seed import SPLIT_SEED
from spaces.arms import ARM
from storage import Manifest
from storage.comparison import Comparison, Kind
from storage.records import SlotOrder

# Beyond every slot's number: from these, the seeds of replicates are derived, and never those of a search's trials.
STREAMS: Mapping[Kind, int] = {"comparison": 0x40000001, "confirmation": 0x40000002}
TRAINING, SPLIT = 1, 2
REPLICATE = "replicate"


@dataclass(frozen=True)
class DesignCell:
    """A slot's cell in the design: the number of its arm, and of its replicate, both counted from 0."""

    arm: int
    replicate: int


def cell_of(comparison: Comparison, slot: int) -> DesignCell:
    """The cell of the slot with that number."""
    replicate, arm = divmod(slot, len(comparison.arms))
    return DesignCell(arm, replicate)


def order_of(manifest: Manifest, comparison: Comparison, slot: int) -> SlotOrder:
    """The order of the slot with that number: its arm, its replicate's seeds.

    Each replicate has a split of its own: with one split for all, the intervals would be about that split.
    """
    cell = cell_of(comparison, slot)
    path = STREAMS[comparison.kind], cell.replicate
    return SlotOrder(
        seed=derive_seed(manifest.seed, *path, TRAINING),
        params={ARM: comparison.arms[cell.arm].name},
        settings={SPLIT_SEED: derive_seed(manifest.seed, *path, SPLIT), REPLICATE: cell.replicate},
    )
