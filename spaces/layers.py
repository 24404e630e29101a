"""The layers of a configuration in their order.

The model is built from this sequence and the documentation is drawn from it, so that the two can't differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from spaces.configuration import Activation, Block, Configuration, DropoutPosition, Padding, require
from spaces.space import ImageShape

POOL = 2


@dataclass(frozen=True)
class Conv:
    """A convolution of square kernels, stride 1, without an activation."""

    filters: int
    kernel: int = 3
    padding: Padding = "same"

    def __str__(self) -> str:
        kernel = "" if self.kernel == 3 else f" {self.kernel}x{self.kernel}"
        padding = "" if self.padding == "same" else f" {self.padding}"
        return f"conv {self.filters}{kernel}{padding}"


@dataclass(frozen=True)
class Normalize:
    """Batch normalisation over channels. `momentum` None: fitted to the steps of an epoch."""

    momentum: float | None = None

    def __str__(self) -> str:
        return "batch_norm"


@dataclass(frozen=True)
class Activate:
    """An activation function as a layer of its own."""

    function: Activation

    def __str__(self) -> str:
        return self.function


@dataclass(frozen=True)
class Drop:
    """Dropout of a share `rate` of single units. `position` tells which setting of the configuration it is."""

    rate: float
    position: DropoutPosition

    def __str__(self) -> str:
        return f"dropout {self.rate:g}"


@dataclass(frozen=True)
class MaxPool:
    """Max pooling over squares of `size` pixels a side, stride the same, without padding."""

    size: int = POOL

    def __str__(self) -> str:
        return "max_pool"


@dataclass(frozen=True)
class Flatten:
    """All units of an image in one row."""

    def __str__(self) -> str:
        return "flatten"


@dataclass(frozen=True)
class Dense:
    """A dense layer without an activation."""

    units: int

    def __str__(self) -> str:
        return f"dense {self.units}"


@dataclass(frozen=True)
class Output:
    """The last dense layer: one logit a class."""

    def __str__(self) -> str:
        return "output"


Layer = Conv | Normalize | Activate | Drop | MaxPool | Flatten | Dense | Output


def layer_order(configuration: Configuration) -> tuple[Layer, ...]:
    """The layers from the image to the logits. `str(layer)` names one as the documentation does."""
    return (*_feature_layers(configuration), Flatten(), *_head(configuration))


def require_fit(configuration: Configuration, input_shape: ImageShape) -> None:
    """Checks that images of that shape, (height, width, channels), are large enough for every convolution and pooling.

    Raises:
        ConfigurationError: a layer would have nothing left to work on; says which, and the sizes.
    """
    side = min(input_shape[:2])
    for number, block in enumerate(configuration.blocks, start=1):
        for layer in _block(configuration, block):
            require(
                _side_after(layer, side) >= 1,
                f"images of {input_shape[0]}x{input_shape[1]} pixels are too small: {layer} of block {number} gets "
                f"{side} pixels a side and would leave none. Use fewer blocks, or larger images",
            )
            side = _side_after(layer, side)


def _side_after(layer: Layer, side: int) -> int:
    match layer:
        case Conv(kernel=kernel, padding="valid"):
            return side - kernel + 1
        case MaxPool(size):
            return side // size
        case _:
            return side


def _feature_layers(configuration: Configuration) -> Iterator[Layer]:
    for block in configuration.blocks:
        yield from _block(configuration, block)


def _block(configuration: Configuration, block: Block) -> Iterator[Layer]:
    for filters in block.filters:
        yield Conv(filters, block.kernel, block.padding)
        yield from _after_convolution(configuration)
    yield MaxPool()
    yield from _dropout(configuration, "after_pooling")


def _after_convolution(configuration: Configuration) -> tuple[Layer, ...]:
    """Without normalisation its two dropout positions are those before and after the activation."""
    activate = Activate(configuration.activation)
    before = _dropout(configuration, "before_normalization")
    after = _dropout(configuration, "after_normalization")
    normalize = Normalize(configuration.batch_norm.momentum)
    match configuration.batch_norm.position:
        case "none":
            return (*before, activate, *after)
        case "before_activation":
            return (*before, normalize, *after, activate)
        case "after_activation":
            return (activate, *before, normalize, *after)


def _head(configuration: Configuration) -> Iterator[Layer]:
    yield from _dropout(configuration, "before_dense")
    for units in configuration.dense:
        yield from _dropout(configuration, "before_every_dense")
        yield Dense(units)
        yield Activate(configuration.activation)
    yield from _dropout(configuration, "before_every_dense")
    yield Output()


def _dropout(configuration: Configuration, position: DropoutPosition) -> tuple[Drop, ...]:
    return tuple(Drop(dropout.rate, position) for dropout in configuration.dropout if dropout.position == position)
