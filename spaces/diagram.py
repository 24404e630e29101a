"""The layers of a configuration, drawn as text."""

from spaces.configuration import Configuration
from spaces.layers import Conv, Flatten, Layer, MaxPool, layer_order


def draw(configuration: Configuration) -> str:
    """The layers in their order: a line for each block, and one from flatten to the output."""
    lines: list[list[Layer]] = [[]]
    for layer in layer_order(configuration):
        if lines[-1] and _begins_line(layer, lines[-1]):
            lines.append([])
        lines[-1].append(layer)
    return "\n".join(" -> ".join(map(str, line)) for line in lines)


def _begins_line(layer: Layer, line: list[Layer]) -> bool:
    block_is_complete = any(isinstance(earlier, MaxPool) for earlier in line)
    return isinstance(layer, Flatten) or (isinstance(layer, Conv) and block_is_complete)
