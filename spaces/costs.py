"""What a configuration costs on images of a shape, from its layers alone: without Keras, before any training."""

from dataclasses import dataclass
from typing import assert_never

from spaces.configuration import Configuration
from spaces.layers import Activate, Conv, Dense, Drop, Flatten, Layer, MaxPool, Normalize, Output, layer_order
from spaces.space import ImageShape

BATCH_NORM = 4  # a channel's scale, offset, moving mean and moving variance


@dataclass(frozen=True)
class Cost:
    """`first_dense` are the weights between the flattened features and the first dense layer, that of the logits if
    there is no other; `values` are the numbers that all layers give for one image; `parameters` are those of the
    model, the moving averages of batch normalization among them.
    """

    first_dense: int
    values: int
    parameters: int = 0


def cost_of(configuration: Configuration, image_shape: ImageShape, classes: int) -> Cost:
    """The cost of a configuration that `spaces.layers` builds, for images for which they are large enough."""
    (height, width, channels), units, first_dense, values, parameters = image_shape, 0, 0, 0, 0
    for layer in layer_order(configuration):
        parameters += parameters_of(layer, units or channels, classes)
        match layer:
            case Conv(filters, kernel, padding):
                lost = kernel - 1 if padding == "valid" else 0
                height, width, channels = height - lost, width - lost, filters
            case MaxPool(size):
                height, width = height // size, width // size
            case Flatten():
                units = height * width * channels
            case Dense() | Output():
                wide = layer.units if isinstance(layer, Dense) else classes
                first_dense, units = first_dense or units * wide, wide
            case Normalize() | Activate() | Drop():
                pass
            case _:
                assert_never(layer)
        values += units or height * width * channels
    return Cost(first_dense, values, parameters)


def parameters_of(layer: Layer, inputs: int, classes: int) -> int:
    """The parameters of a layer that gets this many channels, or units."""
    match layer:
        case Conv(filters, kernel):
            return (kernel * kernel * inputs + 1) * filters
        case Dense(units):
            return (inputs + 1) * units
        case Output():
            return (inputs + 1) * classes
        case Normalize():
            return BATCH_NORM * inputs
        case Activate(function):
            return inputs if function == "prelu" else 0
        case Drop() | MaxPool() | Flatten():
            return 0
    assert_never(layer)
