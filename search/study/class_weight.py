"""How much images of each class count in a trial's training loss."""

from spaces.class_weight import ClassWeight
from spaces.configuration import Configuration
from storage import Manifest


def stored_class_weights(manifest: Manifest) -> tuple[ClassWeight, ...]:
    """The class weights of a study: those that it searches, else the one that it has."""
    return manifest.class_weights or (manifest.class_weight,)


def class_weight(manifest: Manifest, configuration: Configuration) -> ClassWeight:
    """The class weight of a configuration: its own if it has one, else the study's."""
    return configuration.class_weight or manifest.class_weight
