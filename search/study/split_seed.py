"""The seed that selects a trial's training and validation images."""

from storage import Manifest
from storage.records import SlotSettings


def split_seed(manifest: Manifest, settings: SlotSettings) -> int:
    """The split's seed of a slot with these settings: its own if it has one, as replicates have, else the study's."""
    return manifest.seed if settings.split_seed is None else settings.split_seed
