"""The space that a study's trials are from: its manifest may widen and narrow the one that it names."""

import msgspec

from spaces.arms import arms_space
from spaces.configuration import Configuration
from spaces.narrowing import Narrowing, narrowed
from spaces.space import Space
from spaces.widening import Widening, widened
from storage import Manifest


def study_space(manifest: Manifest, named: Space) -> Space:
    """What the study's trials ask: in a comparison for the arm, else for what the named space asks, widened and
    narrowed as the manifest says.

    Raises:
        SpaceError: the named space decides by itself what the study adds.
        ConfigurationError: this release doesn't know a configuration of the manifest.
    """
    if manifest.comparison is not None:
        return arms_space(named, {arm.name: configuration_of(arm.configuration) for arm in manifest.comparison.arms})
    return narrowed(widened(named, widening_of(manifest)), narrowing_of(manifest))


def widening_of(manifest: Manifest) -> Widening:
    """What the study searches besides the space's own parameters."""
    return Widening(manifest.batch_sizes, manifest.class_weights, manifest.image_sizes)


def narrowing_of(manifest: Manifest) -> Narrowing:
    """What the study searches of its space."""
    fixed = {name: value for name, value in manifest.fixed.items() if value is not None}
    only = {name: tuple(value for value in values if value is not None) for name, values in manifest.only.items()}
    return Narrowing(only, manifest.ranges, fixed)


def configuration_of(document: object) -> Configuration:
    """The configuration of a JSON document.

    Raises:
        ConfigurationError: it is none; says why.
    """
    return Configuration.from_json(msgspec.json.encode(document))
