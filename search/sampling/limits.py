"""The limits of a study, for its images."""

from spaces.limits import Limits
from spaces.space import Space
from storage import Manifest


def limits_of(manifest: Manifest, space: Space) -> Limits:
    """What the study's configurations must keep to; nothing where the space builds its models itself, so that their
    sizes don't follow from a configuration.
    """
    most = manifest.limits if space.build is None else {}
    return Limits(manifest.image_shape, len(manifest.classes), most)
