"""The key by which configurations share a program, which takes all their other settings as numbers."""

from dataclasses import replace
from typing import assert_never

from spaces.configuration import Configuration
from spaces.layers import Activate, Conv, Dense, Drop, Flatten, Layer, MaxPool, Normalize, Output, layer_order

ANY_RATE = 0.5
ANY_PENALTY = 1.0


def program_layers(configuration: Configuration) -> tuple[Layer, ...]:
    """The layers in their order, without what configurations of one program may differ in: dropout rates, momenta of
    batch normalization, and how large penalties are. A rate of 0 is another program's, as that layer draws no random
    numbers; so is a penalty of 0, which isn't added up.
    """
    return tuple(without_numbers(layer) for layer in layer_order(configuration))


def without_numbers(layer: Layer, *, zero_too: bool = False) -> Layer:
    """The layer with any numbers in place of its own; with `zero_too`, also of a rate or a penalty that is 0."""
    match layer:
        case Drop(rate):
            return Drop(ANY_RATE if rate > 0 or zero_too else 0.0, "before_dense")
        case Normalize():
            return replace(layer, momentum=None)
        case Conv() | Dense() | Output():
            l1, l2 = (ANY_PENALTY if size or zero_too else 0.0 for size in (layer.l1, layer.l2))
            return replace(layer, l1=l1, l2=l2)
        case Activate() | MaxPool() | Flatten():
            return layer
        case _:
            assert_never(layer)
