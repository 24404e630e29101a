"""The layers of a configuration in their order.

The model is built from this sequence and the documentation is drawn from it, so that the two can't differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from spaces.configuration import Activation, Block, Configuration, DropoutPosition, Padding
from spaces.record import require
from spaces.space import ImageShape

POOL = 2
AROUND_NORMALIZATION: tuple[DropoutPosition, DropoutPosition] = ("before_normalization", "after_normalization")


@dataclass(frozen=True)
class Conv:
    """A convolution of square kernels, stride 1, without an activation. Its penalty is `l1` times the sum of the
    absolute values of its kernel, and `l2` times that of the squares.
    """

    filters: int
    kernel: int = 3
    padding: Padding = "same"
    l1: float = 0.0
    l2: float = 0.0

    def __str__(self) -> str:
        kernel = "" if self.kernel == 3 else f" {self.kernel}x{self.kernel}"
        padding = "" if self.padding == "same" else f" {self.padding}"
        return f"conv {self.filters}{kernel}{padding}"


@dataclass(frozen=True)
class Normalize:
    """Batch normalization over channels. `momentum` None: fitted to the steps of an epoch."""

    momentum: float | None = None

    def __str__(self) -> str:
        return "batch_norm"


@dataclass(frozen=True)
class Activate:
    """An activation function as a layer of its own. `negative_slope` is that of leaky_relu; `spatial` says that it
    follows a convolution, so that all pixels of a channel share what it learns (prelu).
    """

    function: Activation
    negative_slope: float = 0.0
    spatial: bool = False

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
    """A dense layer without an activation. Its penalties are those of a convolution."""

    units: int
    l1: float = 0.0
    l2: float = 0.0

    def __str__(self) -> str:
        return f"dense {self.units}"


@dataclass(frozen=True)
class Output:
    """The last dense layer: one logit a class. Its penalties are those of a convolution."""

    l1: float = 0.0
    l2: float = 0.0

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
    for number in range(len(configuration.blocks)):
        for layer in _block(configuration, number):
            require(
                _side_after(layer, side) >= 1,
                f"images of {input_shape[0]}x{input_shape[1]} pixels are too small: {layer} of block {number + 1} gets "
                f"{side} pixels a side and would leave none. Use fewer blocks, or larger images",
            )
            side = _side_after(layer, side)


def _side_after(layer: Layer, side: int) -> int:
    match layer:
        case Conv(kernel=kernel, padding="valid"):
            return side - kernel + 1
        case MaxPool(size):
            return side // size
        case Conv() | Normalize() | Activate() | Drop() | Flatten() | Dense() | Output():
            return side
        case _:
            assert_never(layer)


def _feature_layers(configuration: Configuration) -> Iterator[Layer]:
    for number in range(len(configuration.blocks)):
        yield from _block(configuration, number)


def _block(configuration: Configuration, number: int) -> Iterator[Layer]:
    """`number` counts the blocks from 0."""
    block, batch_norm = configuration.blocks[number], configuration.batch_norm
    has_norm = batch_norm.blocks is None or number < batch_norm.blocks
    for filters in block.filters[:-1]:
        yield _convolution(configuration, block, filters)
        yield from _after_convolution(configuration, normalized=has_norm and batch_norm.convolutions == "every")
    yield _convolution(configuration, block, block.filters[-1])
    yield from _after_convolution(configuration, normalized=has_norm)
    yield MaxPool()
    yield from _dropout(configuration, "after_pooling")
    if batch_norm.position == "after_pooling":
        yield from _around_normalization(configuration, normalized=has_norm)


def _convolution(configuration: Configuration, block: Block, filters: int) -> Conv:
    penalty = configuration.regularization
    return Conv(filters, block.kernel, block.padding, penalty.l1, penalty.l2)


def _after_convolution(configuration: Configuration, *, normalized: bool) -> tuple[Layer, ...]:
    """A convolution that isn't normalized, though others are, has its dropout where it would be otherwise.

    Where none is, the two dropout positions around the normalization are those before and after the activation.
    """
    activate = _activation(configuration, spatial=True)
    around = _around_normalization(configuration, normalized=normalized)
    match configuration.batch_norm.position:
        case "none":
            before, after = (_dropout(configuration, place) for place in AROUND_NORMALIZATION)
            return (*before, activate, *after)
        case "before_activation":
            return (*around, activate)
        case "after_activation":
            return (activate, *around)
        case "after_pooling":
            return (activate,)
        case _:
            assert_never(configuration.batch_norm.position)


def _around_normalization(configuration: Configuration, *, normalized: bool) -> tuple[Layer, ...]:
    before, after = (_dropout(configuration, place) for place in AROUND_NORMALIZATION)
    normalize = (Normalize(configuration.batch_norm.momentum),) if normalized else ()
    return (*before, *normalize, *after)


def _activation(configuration: Configuration, *, spatial: bool) -> Activate:
    function = configuration.activation
    return Activate(function, configuration.negative_slope if function == "leaky_relu" else 0.0, spatial)


def _head(configuration: Configuration) -> Iterator[Layer]:
    penalty = configuration.regularization
    l1, l2 = (penalty.l1, penalty.l2) if penalty.kernels == "all" else (0.0, 0.0)
    yield from _dropout(configuration, "before_dense")
    for units in configuration.dense:
        yield from _dropout(configuration, "before_every_dense")
        yield Dense(units, l1, l2)
        yield _activation(configuration, spatial=False)
    yield from _dropout(configuration, "before_every_dense")
    yield from _dropout(configuration, "before_output")
    yield Output(l1, l2)


def _dropout(configuration: Configuration, position: DropoutPosition) -> tuple[Drop, ...]:
    return tuple(Drop(dropout.rate, position) for dropout in configuration.dropout if dropout.position == position)
