"""The structure of a configuration: what decides the program that trains it. All else a program takes as numbers."""

from dataclasses import replace

from spaces.configuration import Configuration
from spaces.layers import Drop, Layer, Normalize, layer_order

ANY_RATE = 0.5


def structure_of(configuration: Configuration) -> tuple[Layer, ...]:
    """The layers in their order, without what trials of one structure may differ in: dropout rates, and momenta of
    batch normalisation. A rate of 0 is another structure: that layer draws no random numbers.
    """
    return tuple(_without_numbers(layer) for layer in layer_order(configuration))


def _without_numbers(layer: Layer) -> Layer:
    match layer:
        case Drop(rate):
            return Drop(ANY_RATE if rate > 0 else 0.0, "before_dense")
        case Normalize():
            return replace(layer, momentum=None)
        case _:
            return layer
