"""Replicates: the random numbers that all arms have in common.

Replicate k of every arm has the same split, the same seed of its initial weights, and the same order of images.
"""

from collections.abc import Mapping

from search.sampling.seeds import derive_seed
from spaces.arms import ARM
from storage import Manifest
from storage.comparison import Comparison, Kind
from storage.records import SlotOrder, SlotSettings

# Beyond every slot's number: from these, the seeds of replicates are derived, and never those of a search's trials.
STREAMS: Mapping[Kind, int] = {"comparison": 0x40000001, "confirmation": 0x40000002, "screening": 0x40000003}
TRAINING, SPLIT = 1, 2


def order_of(manifest: Manifest, comparison: Comparison, slot: int) -> SlotOrder:
    """The order of the slot with that number: its arm, its replicate's seeds.

    Each replicate has a split of its own: with one split for all, the intervals would be about that split.
    """
    replicate = comparison.cell(slot).replicate
    path = STREAMS[comparison.kind], replicate
    return SlotOrder(
        seed=derive_seed(manifest.seed, *path, TRAINING),
        params={ARM: comparison.arm_of(slot).name},
        settings=SlotSettings(replicate=replicate, split_seed=derive_seed(manifest.seed, *path, SPLIT)),
    )
