"""The layers of a configuration, drawn as text."""

from typing import assert_never

from spaces.configuration import Configuration
from spaces.layers import Activate, Conv, Dense, Drop, Flatten, Layer, MaxPool, Normalize, Output, layer_order


def draw(configuration: Configuration) -> str:
    """The layers in their order: a line for each block, and one from flatten to the output."""
    lines: list[list[Layer]] = [[]]
    for layer in layer_order(configuration):
        if lines[-1] and _begins_line(layer, lines[-1]):
            lines.append([])
        lines[-1].append(layer)
    return "\n".join(" -> ".join(map(str, line)) for line in lines)


def _begins_line(layer: Layer, line: list[Layer]) -> bool:
    return isinstance(layer, Flatten) or (isinstance(layer, Conv) and any(map(_ends_block, line)))


def _ends_block(layer: Layer) -> bool:
    match layer:
        case MaxPool():
            return True
        case Conv() | Normalize() | Activate() | Drop() | Flatten() | Dense() | Output():
            return False
        case _:
            assert_never(layer)
