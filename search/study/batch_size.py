"""Images per step of training: of a trial, and in a study."""

from spaces.configuration import Configuration
from storage import Manifest


def stored_batch_sizes(manifest: Manifest) -> tuple[int, ...]:
    """The batch sizes of a study: those that it searches, else the one that it has."""
    return manifest.batch_sizes or (manifest.batch_size,)


def batch_size(manifest: Manifest, configuration: Configuration) -> int:
    """The batch size of a configuration: its own if it has one, else the study's."""
    return manifest.batch_size if configuration.batch_size is None else configuration.batch_size
