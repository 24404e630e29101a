"""The configuration: everything about a model and its optimizer that a trial decides, as one frozen record."""

import math
from typing import Literal, Self, get_args

import msgspec

from spaces.errors import ConfigurationError
from spaces.names import unknown_name

Activation = Literal["relu", "sigmoid", "tanh", "leaky_relu", "elu", "gelu", "silu"]
BatchNormPosition = Literal["none", "before_activation", "after_activation"]
DropoutPosition = Literal[
    "before_normalization", "after_normalization", "after_pooling", "before_dense", "before_every_dense"
]
OptimizerName = Literal["sgd", "momentum", "rmsprop", "adam", "adadelta"]
Padding = Literal["same", "valid"]
Scalar = str | int | float | bool

OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
BATCH_NORM_POSITIONS: tuple[BatchNormPosition, ...] = get_args(BatchNormPosition)
DROPOUT_POSITIONS: tuple[DropoutPosition, ...] = get_args(DropoutPosition)
CONVOLUTION_DROPOUTS: tuple[DropoutPosition, ...] = ("before_normalization", "after_normalization", "after_pooling")


def require(holds: bool, message: str) -> None:
    """Raises ConfigurationError with the message unless the condition holds."""
    if not holds:
        raise ConfigurationError(message)


def require_name(kind: str, name: object, valid: tuple[str, ...]) -> None:
    """Raises ConfigurationError, with the valid names and the nearest of them, unless the name is valid."""
    if name not in valid:
        raise ConfigurationError(unknown_name(kind, str(name), valid))


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Convolutions of the given widths one after another, then a 2x2 max pooling.

    `filters` are the output channels of each convolution; `kernel` is the side of its square kernel in pixels.
    """

    filters: tuple[int, ...]
    kernel: int = 3
    padding: Padding = "same"

    def __post_init__(self) -> None:
        require(len(self.filters) >= 1, "a block needs at least one convolution, such as filters=(32,)")
        require(all(width >= 1 for width in self.filters), f"filters must be 1 or more, not {self.filters}")
        require(self.kernel >= 1, f"kernel must be 1 or more, not {self.kernel}")
        require_name("padding", self.padding, get_args(Padding))


class BatchNorm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Batch normalisation of every convolution, relative to its activation.

    `momentum` is that of the moving averages, in [0, 1). None fits it to the number of steps in an epoch, so that
    the averages have forgotten their initial value after one epoch; with Keras' fixed 0.99 and few steps an epoch
    the validation scores of the first epochs are those of chance (see docs/training.md).
    """

    position: BatchNormPosition = "none"
    momentum: float | None = None

    def __post_init__(self) -> None:
        require_name("position of batch normalisation", self.position, BATCH_NORM_POSITIONS)
        require(
            self.momentum is None or 0 <= self.momentum < 1,
            f"the momentum of batch normalisation lies in [0, 1), not at {self.momentum}",
        )


class Dropout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Dropout of a share `rate` in [0, 1) of the units, at one position of the network."""

    position: DropoutPosition
    rate: float

    def __post_init__(self) -> None:
        require_name("dropout position", self.position, DROPOUT_POSITIONS)
        require(0 <= self.rate < 1, f"a dropout rate lies in [0, 1), not at {self.rate}")


class Optimizer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An optimizer and its settings. `momentum` in [0, 1) is that of `momentum` and of `rmsprop`; others ignore it."""

    name: OptimizerName = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0

    def __post_init__(self) -> None:
        require_name("optimizer", self.name, OPTIMIZERS)
        require(0 < self.learning_rate < math.inf, f"a learning rate is positive and finite, not {self.learning_rate}")
        require(0 <= self.momentum < 1, f"momentum lies in [0, 1), not at {self.momentum}")


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One point of a search space: architecture and optimizer.

    `extra` holds the parameters of a space that builds its own model. The class goes through JSON unchanged:
    `Configuration.from_json(c.to_json()) == c`.
    """

    blocks: tuple[Block, ...] = (Block((32,)), Block((64,)), Block((128,)))
    dense: tuple[int, ...] = (128,)
    activation: Activation = "relu"
    batch_norm: BatchNorm = BatchNorm()
    dropout: tuple[Dropout, ...] = ()
    optimizer: Optimizer = Optimizer()
    extra: dict[str, Scalar] = {}

    def __post_init__(self) -> None:
        require(all(width >= 1 for width in self.dense), f"dense widths must be 1 or more, not {self.dense}")
        require_name("activation", self.activation, get_args(Activation))
        self._require_dropout_that_exists()
        for name, value in self.extra.items():
            require(not isinstance(value, float) or math.isfinite(value), f"extra {name!r} must be finite, not {value}")

    def _require_dropout_that_exists(self) -> None:
        positions = [dropout.position for dropout in self.dropout]
        require(len(set(positions)) == len(positions), f"a dropout position is given twice: {positions}")
        require(
            not {"before_dense", "before_every_dense"} <= set(positions),
            "dropout before_every_dense is before the first dense layer too: leave before_dense out",
        )
        if not self.blocks:
            lost = [position for position in positions if position in CONVOLUTION_DROPOUTS]
            require(not lost, f"a network without blocks has no place for dropout {', '.join(lost)}")
            require(
                self.batch_norm.position == "none",
                "batch normalisation is that of convolutions, and a network without blocks has none",
            )

    def to_json(self) -> str:
        """The configuration as one line of JSON with sorted keys."""
        return msgspec.json.encode(self, order="sorted").decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The configuration that `to_json` wrote.

        Raises:
            ConfigurationError: the text is no JSON, or a field is unknown or out of its range.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise ConfigurationError(f"this is no configuration: {error}") from error
