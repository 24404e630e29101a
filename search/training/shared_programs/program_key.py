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
    return tuple(_without_numbers(layer) for layer in layer_order(configuration))


def _without_numbers(layer: Layer) -> Layer:
    match layer:
        case Drop(rate):
            return Drop(ANY_RATE if rate > 0 else 0.0, "before_dense")
        case Normalize():
            return replace(layer, momentum=None)
        case Conv() | Dense() | Output():
            return replace(layer, l1=ANY_PENALTY if layer.l1 else 0.0, l2=ANY_PENALTY if layer.l2 else 0.0)
        case Activate() | MaxPool() | Flatten():
            return layer
        case _:
            assert_never(layer)
