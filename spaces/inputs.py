"""The axis of what is done to images before a model sees them."""

from typing import get_args

from spaces.configuration import Augmentation, Inputs, Pixels
from spaces.space import Trial, choose

PIXELS: tuple[Pixels, ...] = get_args(Pixels)
AUGMENTATIONS = ("none", "flip", "shift", "crop", "flip_and_crop")
MOST_PIXELS = 4


def suggest_inputs(trial: Trial) -> Inputs:
    """Asks for `pixels` (scaled, standardised, zca), `augmentation`, and for one that moves images, by how many pixels
    at most (`move`): up to the 4 that are usual for images of 32x32.
    """
    pixels = choose(trial, "pixels", PIXELS)
    kind = choose(trial, "augmentation", AUGMENTATIONS)
    most = 0 if kind in ("none", "flip") else trial.suggest_int("move", 1, MOST_PIXELS)
    flip = kind in ("flip", "flip_and_crop")
    return Inputs(pixels, Augmentation(flip, *((most, 0) if kind == "shift" else (0, most))))
