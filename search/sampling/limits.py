"""The limits of a study, for its images."""

from spaces.limits import Limits
from storage import Manifest


def limits_of(manifest: Manifest) -> Limits:
    """What the study's configurations must keep to."""
    return Limits(manifest.image_shape, len(manifest.classes), manifest.limits)
