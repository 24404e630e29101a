"""The seed that selects a trial's training and validation images."""

from collections.abc import Mapping

from storage import Manifest
from storage.records import Scalar

SPLIT_SEED = "split_seed"


def split_seed(manifest: Manifest, settings: Mapping[str, Scalar] | None) -> int:
    """The split's seed of a slot with these settings: its own if it has one, as replicates have, else the study's."""
    own = (settings or {}).get(SPLIT_SEED)
    return manifest.seed if own is None else int(own)
