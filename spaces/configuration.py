"""The configuration: everything about a model and its training that a trial decides, as one frozen record."""

import math
from typing import Literal, Self, get_args

import msgspec

from spaces.class_weight import CLASS_WEIGHTS, ClassWeight
from spaces.errors import ConfigurationError
from spaces.metrics import MetricName
from spaces.record import Record, always_serialized, require, require_name
from spaces.resizing import LARGEST_SIDE, ImageSize

Activation = Literal["relu", "sigmoid", "tanh", "leaky_relu", "elu", "gelu", "silu", "prelu"]
BatchNormPosition = Literal["none", "before_activation", "after_activation", "after_pooling"]
Convolutions = Literal["every", "last"]
DropoutPosition = Literal[
    "before_normalization",
    "after_normalization",
    "after_pooling",
    "before_dense",
    "before_every_dense",
    "before_output",
]
Kernels = Literal["convolutions", "all"]
OptimizerName = Literal["sgd", "momentum", "rmsprop", "adam", "adadelta", "adamw", "nadam"]
Padding = Literal["same", "valid"]
Pixels = Literal["scaled", "standardised", "zca"]
ScheduleName = Literal["constant", "inverse_time", "cosine"]
Scalar = str | int | float | bool

# What an axis offers unless it is told otherwise, and so what studies hold: to add to them is to change the spaces.
OPTIMIZERS: tuple[OptimizerName, ...] = ("sgd", "momentum", "rmsprop", "adam", "adadelta")
BATCH_NORM_POSITIONS: tuple[BatchNormPosition, ...] = ("none", "before_activation", "after_activation")
DROPOUT_POSITIONS: tuple[DropoutPosition, ...] = (
    "before_normalization",
    "after_normalization",
    "after_pooling",
    "before_dense",
    "before_every_dense",
)

# Everything that there is.
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
EVERY_OPTIMIZER: tuple[OptimizerName, ...] = get_args(OptimizerName)
EVERY_BATCH_NORM_POSITION: tuple[BatchNormPosition, ...] = get_args(BatchNormPosition)
EVERY_DROPOUT_POSITION: tuple[DropoutPosition, ...] = get_args(DropoutPosition)
CONVOLUTION_DROPOUTS: tuple[DropoutPosition, ...] = ("before_normalization", "after_normalization", "after_pooling")
HEAD_DROPOUTS: tuple[DropoutPosition, ...] = ("before_dense", "before_every_dense", "before_output")
SCHEDULES: tuple[ScheduleName, ...] = get_args(ScheduleName)


class Block(Record, frozen=True):
    """Convolutions of the given widths one after another, then a 2x2 max pooling.

    `filters` are the output channels of each convolution; `kernel` is the side of its square kernel in pixels.
    """

    filters: tuple[int, ...]
    kernel: int = always_serialized(3)
    padding: Padding = always_serialized("same")

    def check(self) -> None:
        """See Record."""
        require(len(self.filters) >= 1, "a block needs at least one convolution, such as filters=(32,)")
        require(all(width >= 1 for width in self.filters), f"filters must be 1 or more, not {self.filters}")
        require(self.kernel >= 1, f"kernel must be 1 or more, not {self.kernel}")
        require_name("padding", self.padding, get_args(Padding))


class BatchNorm(Record, frozen=True):
    """Batch normalization around the activations of convolutions, or after the poolings and the dropout there.

    `momentum` is that of the moving averages, in [0, 1). None fits it to the number of steps in an epoch, so that
    the averages have forgotten their initial value after one epoch; with Keras' fixed 0.99 and few steps per epoch
    the validation scores of the first epochs are those of chance (see docs/published.md).

    `convolutions`: which of a block's, every one or the last. `blocks`: the number of first blocks that have it, None:
    all.
    """

    position: BatchNormPosition = always_serialized("none")
    momentum: float | None = always_serialized(None)
    convolutions: Convolutions = "every"
    blocks: int | None = None

    def check(self) -> None:
        """See Record."""
        require_name("position of batch normalization", self.position, EVERY_BATCH_NORM_POSITION)
        require(
            self.momentum is None or 0 <= self.momentum < 1,
            f"the momentum of batch normalization lies in [0, 1), not at {self.momentum}",
        )
        require_name("choice of convolutions", self.convolutions, get_args(Convolutions))
        require(
            self.blocks is None or self.blocks >= 1,
            f"batch normalization is that of 1 block or more, not {self.blocks}; for none, say position none",
        )


class Dropout(Record, frozen=True):
    """Dropout of a share `rate` in [0, 1) of the units, at one position of the network."""

    position: DropoutPosition
    rate: float

    def check(self) -> None:
        """See Record."""
        require_name("dropout position", self.position, EVERY_DROPOUT_POSITION)
        require(0 <= self.rate < 1, f"a dropout rate lies in [0, 1), not at {self.rate}")


class Schedule(Record, frozen=True):
    """How the learning rate changes with the step t, counted from 0.

    `inverse_time` divides it by 1 + `decay` * t, as the `decay` of Keras' first releases did. `cosine` lowers it along
    half a cosine, from its value to 0 at the end of the last epoch (Loshchilov and Hutter 2017, arXiv:1608.03983).
    """

    name: ScheduleName = "constant"
    decay: float = 0.0

    def check(self) -> None:
        """See Record."""
        require_name("schedule", self.name, SCHEDULES)
        require(0 <= self.decay < math.inf, f"a decay is 0 or more and finite, not {self.decay}")
        require(
            (self.decay > 0) == (self.name == "inverse_time"),
            f"a decay above 0 belongs to the schedule inverse_time, and to no other: not {self.decay} to {self.name}",
        )


class Optimizer(Record, frozen=True):
    """An optimizer and its settings; what has a name in brackets is that optimizer's alone, and others ignore it.

    `momentum` in [0, 1) (momentum, rmsprop), `nesterov` (momentum), `rho` in [0, 1) (rmsprop, adadelta) and `beta_1`,
    `beta_2` in [0, 1) (adam, adamw, nadam), None for Keras' default; `weight_decay`, the share of each weight that a
    step takes away, times the learning rate (adamw: Loshchilov and Hutter 2019, arXiv:1711.05101); `epsilon`, above 0,
    what is added to the root by which a step is divided (all but sgd and momentum), None for Keras' default of 1e-7.
    """

    name: OptimizerName = always_serialized("adam")
    learning_rate: float = always_serialized(1e-3)
    momentum: float = always_serialized(0.0)
    nesterov: bool = False
    rho: float | None = None
    beta_1: float = 0.9
    beta_2: float = 0.999
    weight_decay: float = 0.004
    schedule: Schedule = Schedule()
    epsilon: float | None = None

    def check(self) -> None:
        """See Record."""
        require_name("optimizer", self.name, EVERY_OPTIMIZER)
        require(0 < self.learning_rate < math.inf, f"a learning rate is positive and finite, not {self.learning_rate}")
        for name in ("momentum", "rho", "beta_1", "beta_2"):
            value = getattr(self, name)
            require(value is None or 0 <= value < 1, f"{name} lies in [0, 1), not at {value}")
        require(
            self.epsilon is None or 0 < self.epsilon < math.inf,
            f"epsilon is positive and finite, not {self.epsilon}; None is Keras' default",
        )
        require(0 <= self.weight_decay < math.inf, f"weight_decay is 0 or more and finite, not {self.weight_decay}")


class Regularization(Record, frozen=True):
    """Penalties that the loss gets: `l1` times the sum of the absolute values of kernels, `l2` times that of their
    squares; those of the convolutions, or of all layers.
    """

    l1: float = 0.0
    l2: float = 0.0
    kernels: Kernels = "all"

    def check(self) -> None:
        """See Record."""
        for name, value in (("l1", self.l1), ("l2", self.l2)):
            require(0 <= value < math.inf, f"{name} is 0 or more and finite, not {value}")
        require_name("choice of kernels", self.kernels, get_args(Kernels))


class EarlyStopping(Record, frozen=True):
    """Training ends after `patience` epochs in a row in which `monitor` wasn't better than ever before; None: never.

    With `restore_best` the model is in the end that of the epoch with the best `monitor`, and so are its scores.
    """

    patience: int | None = 3
    monitor: MetricName = "val_loss"
    restore_best: bool = False

    def check(self) -> None:
        """See Record."""
        require(self.patience is None or self.patience >= 1, f"patience is 1 epoch or more, not {self.patience}")
        require_name("quantity to monitor", self.monitor, get_args(MetricName))
        require(
            self.patience is not None or self.restore_best,
            "early stopping without patience never stops: give a patience, or restore_best to keep the best epoch",
        )


class Augmentation(Record, frozen=True):
    """Changes to each training image, drawn again in each epoch: `flip` mirrors half of them left to right;
    `shift` moves them by up to this many pixels in each direction, repeating the edge; `crop` does the same,
    filled with black, like a random crop from a padded image.
    """

    flip: bool = False
    shift: int = 0
    crop: int = 0

    def check(self) -> None:
        """See Record."""
        for name, value in (("shift", self.shift), ("crop", self.crop)):
            require(value >= 0, f"{name} is a number of pixels, 0 or more, not {value}")
        require(not (self.shift and self.crop), "shift and crop both move the image: choose one of them")


class Inputs(Record, frozen=True):
    """What is done to images before a model sees them.

    `pixels`: `scaled` divides them by the largest possible one. `standardised` also subtracts each channel's mean and
    divides by its standard deviation; `zca` whitens the images (Bell and Sejnowski 1997; Krizhevsky 2009): both are
    fitted on the training images alone.
    """

    pixels: Pixels = "scaled"
    augmentation: Augmentation = Augmentation()

    def check(self) -> None:
        """See Record."""
        require_name("treatment of pixels", self.pixels, get_args(Pixels))


class Configuration(Record, frozen=True):
    """One point of a search space: architecture, optimizer, and all else about training.

    No `blocks` make a dense network. `negative_slope` is that of leaky_relu. `shuffled_labels` permutes the labels of
    the training and validation images, so that there is nothing to learn but each image by itself; the split's seed
    decides how, and the test labels stay true.

    `batch_size` are the images of a step, None for as many as the study says. `class_weight` is how
    much images count in the training loss (spaces/class_weight.py), None for what the study says. `image_size` is the
    (height, width) in pixels that images of a folder are brought to, None for what the study says. `extra` holds the
    parameters of a space that builds its own model. The class goes through JSON unchanged:
    `Configuration.from_json(c.to_json()) == c`.
    """

    blocks: tuple[Block, ...] = always_serialized((Block((32,)), Block((64,)), Block((128,))))
    dense: tuple[int, ...] = always_serialized((128,))
    activation: Activation = always_serialized("relu")
    batch_norm: BatchNorm = always_serialized(BatchNorm())
    dropout: tuple[Dropout, ...] = always_serialized(())
    optimizer: Optimizer = always_serialized(Optimizer())
    extra: dict[str, Scalar] = always_serialized({})
    negative_slope: float = 0.2
    regularization: Regularization = Regularization()
    early_stopping: EarlyStopping | None = None
    inputs: Inputs = Inputs()
    shuffled_labels: bool = False
    batch_size: int | None = None
    class_weight: ClassWeight | None = None
    image_size: ImageSize | None = None

    def check(self) -> None:
        """See Record."""
        require(all(width >= 1 for width in self.dense), f"dense widths must be 1 or more, not {self.dense}")
        require_name("activation", self.activation, ACTIVATIONS)
        require(0 <= self.negative_slope < 1, f"a negative slope lies in [0, 1), not at {self.negative_slope}")
        require(self.batch_size is None or self.batch_size >= 1, f"a batch is 1 image or more, not {self.batch_size}")
        if self.class_weight is not None:
            require_name("class weight", self.class_weight, CLASS_WEIGHTS)
        if self.image_size is not None:
            require(
                all(1 <= side <= LARGEST_SIDE for side in self.image_size),
                f"the sides of images have 1 to {LARGEST_SIDE:,} pixels, not {self.image_size}",
            )
        self._require_dropout_that_exists()
        for name, value in self.extra.items():
            require(not isinstance(value, float) or math.isfinite(value), f"extra {name!r} must be finite, not {value}")

    def _require_dropout_that_exists(self) -> None:
        positions = [dropout.position for dropout in self.dropout]
        require(len(set(positions)) == len(positions), f"a dropout position is given twice: {positions}")
        for other in ("before_dense", "before_output"):
            require(
                not {other, "before_every_dense"} <= set(positions),
                f"dropout before_every_dense is {other} too: leave {other} out",
            )
        require(
            bool(self.dense) or not {"before_dense", "before_output"} <= set(positions),
            "without dense layers, before_dense and before_output are one place: leave one of them out",
        )
        if not self.blocks:
            lost = [position for position in positions if position in CONVOLUTION_DROPOUTS]
            require(not lost, f"a network without blocks has no place for dropout {', '.join(lost)}")
            require(
                self.batch_norm.position == "none",
                "batch normalization is that of convolutions, and a network without blocks has none",
            )

    def to_json(self) -> str:
        """The configuration as one line of JSON with sorted keys."""
        return msgspec.json.encode(self, order="sorted").decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The configuration that `to_json` wrote.

        Raises:
            ConfigurationError: the text isn't JSON, or a field is unknown or out of its range.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise ConfigurationError(f"this isn't a configuration: {error}") from error
