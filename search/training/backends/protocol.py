"""The interface between compiled programs and a backend of Keras, beyond what Keras offers on all of them.

A step is written once, as a function that reads and assigns variables of Keras. A backend whose compiled functions may
assign variables, as TensorFlow's, compiles it as it is. One whose functions must be pure compiles
`state = step(state, batch)`: in a `keras.StatelessScope` it gives the variables their values in `state`, and after the
step takes their new values as the next state, which is what Keras' `stateless_call` and `stateless_apply` do. So the
caller of `step_program`, `gradients` or `switch` says which variables that touches.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search.training.data.order import Order
from search.training.data.split import Split

Tensor = Any  # of the backend; Keras has no types
Variable = Any  # a `keras.Variable`
Sums = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class DeviceImages:
    """Some of the `images` as tensors on the device: those at `positions`, their labels, and what the pixels are to be
    divided by.
    """

    images: Tensor
    positions: Tensor
    labels: Tensor
    pixel_max: Tensor

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The arguments of a BatchFunction."""
        return self.images, self.positions, self.labels, self.pixel_max


Step = Callable[[Tensor, Tensor], Tensor]  # scaled images and labels of a batch -> what is to be summed, float32 (3,)
ModelStep = Callable[[tuple[Tensor, ...]], object]  # images, labels and perhaps their weights
BatchFunction = Callable[..., tuple[Tensor, Tensor]]  # of `batch_of`


class TracedStore(Protocol):
    """Traced programs that outlive their process, each under a key, which says all that it depends on."""

    def get(self, key: str) -> bytes | None:
        """The program of a key; None if it has to be traced."""

    def put(self, key: str, program: bytes) -> None:
        """Stores a program. Never fails: at worst it has to be traced again."""


@dataclass(frozen=True)
class Kept:
    """Where the program of a step is taken from, and stored once it is traced. `key` is all that the step depends on
    besides the shapes of its arguments, and what is the backend's own.
    """

    store: TracedStore
    key: str


class StepProgram(Protocol):
    """A compiled function that does steps `first` to `last` - 1 of an epoch over some images in a given order."""

    def __call__(self, data: DeviceImages, order: Order, first: int, last: int, sums: Sums) -> Sums:
        """Adds what the steps sum to `sums`. The last batch of an epoch may be a partial one."""


class Backend(Protocol):
    """A backend of Keras that compiles whole epochs."""

    def configure(self, threads: int | None) -> None:
        """Prepares this process: see `process.configure`. Keras has been imported, and has done nothing yet."""

    def accelerator(self) -> str | None:
        """The name of the device that isn't a processor and that models are trained on, None if there is none."""

    @property
    def runs_eagerly(self) -> bool:
        """Whether functions that ask to be compiled are not, for debugging."""

    def run_eagerly(self, eagerly: bool) -> None:
        """Decides that."""

    def steps_per_call(self, steps: int) -> int:
        """How many of an epoch's steps a call of a step program is to do: an epoch can be stopped between two calls."""

    @property
    def unfolds_convolutions(self) -> bool:
        """Whether shared layers are to do a convolution as a product of matrices: where Keras' own takes longer."""

    @property
    def compiles_long(self) -> bool:
        """Whether compiling a program takes longer than many epochs of a small model."""

    def to_device(self, data: Split) -> tuple[DeviceImages, DeviceImages]:
        """The images for training and those for validation, in one tensor on the device."""

    def step_program(
        self,
        step: Step,
        variables: Sequence[Variable],
        batch_size: int,
        batch: BatchFunction | None = None,
        kept: Kept | None = None,
    ) -> StepProgram:
        """The program of a step, which reads and assigns `variables` and no others. It runs on any images of the same
        shape. `batch` is `batch_of`, or what `traced` made of it; None: `batch_of`. With `kept`, `step` is only traced
        if it isn't stored there; the order of `variables` then follows from the key.
        """

    def batch_of(
        self, tensors: Sequence[Tensor], order: Tensor, number: Tensor, batch_size: int
    ) -> tuple[Tensor, Tensor]:
        """The scaled and augmented images of a batch and their labels; for use in programs. `tensors` are those of
        DeviceImages, `order` is that of an epoch; batches are counted from 0.
        """

    def traced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function for use in programs. Where tracing takes time, it is traced once for all programs that give it
        tensors of the same shapes.
        """

    def differentiable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A traced function through which gradients are taken, to the last bit those of its operations."""

    def gradients(
        self, loss: Callable[[list[Tensor]], tuple[Tensor, Tensor]], at: list[Tensor], variables: Sequence[Variable]
    ) -> tuple[list[Tensor], Tensor]:
        """The gradients at some tensors of the first of the two things that `loss` makes of them; and the second. On
        its way it may assign `variables`.
        """

    def switch(self, index: Tensor, branches: Sequence[Callable[[], None]], variables: Sequence[Variable]) -> None:
        """Does the branch of that index, in a program; each may assign some of `variables`."""

    def one_of(self, index: Tensor, branches: Sequence[Callable[[], Tensor]]) -> Tensor:
        """The value of the branch of that index, in a program; all have one shape and dtype, and assign nothing."""

    def optional(
        self, switch: Tensor, function: Callable[[Tensor], Tensor], inputs: Tensor, variables: Sequence[Variable]
    ) -> Tensor:
        """What `function` makes of inputs, of their shape and dtype, where the switch, an integer, is 1, in a program.
        Where it is 0, the inputs, and `variables`, which the function may assign, stay as they are; whatever the
        function would make of them, even NaN, is in no value and no gradient.
        """

    def dropout_numbers(self, rate: float) -> tuple[float, float]:
        """What `dropped` is given for a rate in (0, 1)."""

    def dropped(self, inputs: Tensor, drawn: Tensor, numbers: tuple[Tensor, Tensor]) -> Tensor:
        """What Keras' dropout makes of inputs where it has drawn these uniform numbers of their shape, in [0, 1)."""

    def model_steps(self, model: Any) -> tuple[ModelStep, ModelStep]:
        """A compiled model's own `train_step` and `test_step` as functions that assign the model's variables."""

    def scope(self, values: Sequence[tuple[Variable, Tensor]]) -> AbstractContextManager[Any]:
        """A `keras.StatelessScope` for use in programs: within it these variables have these values, and all others
        those that they have in the program.
        """
