"""Replicates: the random numbers that all arms have in common.

Replicate k of every arm has the same split, the same seed of its initial weights, and the same order of images.
"""

import math
from collections.abc import Mapping

from search.sampling.seeds import derive_seed
from search.statistics.noise import latin_square
from spaces.arms import ARM
from storage import Manifest
from storage.comparison import Comparison, Kind
from storage.records import SlotOrder, SlotSettings

# Beyond every slot's number: from these, the seeds of replicates are derived, and never those of a search's trials.
STREAMS: Mapping[Kind, int] = {
    "comparison": 0x40000001,
    "confirmation": 0x40000002,
    "screening": 0x40000003,
    "noise": 0x40000004,
    "race": 0x40000005,
    "ablation": 0x40000006,
}
TRAINING, SPLIT, ORDER = 1, 2, 3


def order_of(manifest: Manifest, comparison: Comparison, slot: int) -> SlotOrder:
    """The order of the slot with that number: its arm, its replicate's seeds.

    Each replicate has a split of its own: with one split for all, the intervals would be about that split.
    """
    if comparison.kind == "noise":
        return order_of_noise(manifest, comparison, slot)
    replicate = comparison.cell(slot).replicate
    path = STREAMS[comparison.kind], replicate
    return SlotOrder(
        seed=derive_seed(manifest.seed, *path, TRAINING),
        params={ARM: comparison.arm_of(slot).name},
        settings=SlotSettings(replicate=replicate, split_seed=derive_seed(manifest.seed, *path, SPLIT)),
    )


def order_of_noise(manifest: Manifest, comparison: Comparison, slot: int) -> SlotOrder:
    """The order of a training of a measurement of noise: each of its seeds is one of a few."""
    replicate = comparison.cell(slot).replicate
    initialization, split, order = map(int, latin_square(math.isqrt(comparison.last_look.replicates))[replicate])
    stream = STREAMS[comparison.kind]
    return SlotOrder(
        seed=derive_seed(manifest.seed, stream, initialization, TRAINING),
        params={ARM: comparison.arm_of(slot).name},
        settings=SlotSettings(
            replicate=replicate,
            split_seed=derive_seed(manifest.seed, stream, split, SPLIT),
            order_seed=derive_seed(manifest.seed, stream, order, ORDER),
        ),
    )
