"""TensorFlow as a backend: an epoch is one graph, which assigns variables itself. The only module that imports it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from search.training.backends.protocol import (
    BatchFunction,
    DeviceImages,
    Kept,
    ModelStep,
    Step,
    StepProgram,
    Sums,
    Tensor,
    Variable,
)
from search.training.backends.settings import xla_wanted
from search.training.backends.tensorflow_kept import KeptFunction
from search.training.data.order import Order
from search.training.data.split import Split

STEPS_PER_CALL = 16
ALIGNMENT = 64  # bytes, what TensorFlow wants of memory that it doesn't allocate


class TensorFlow:
    """A Backend. It takes a program's variables from the program, and needn't be told them."""

    def configure(self, threads: int | None) -> None:
        """See Backend."""
        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        devices = tf.config.list_physical_devices("GPU")
        for device in devices:
            tf.config.experimental.set_memory_growth(device, True)
        if not devices:
            tf.config.experimental.enable_op_determinism()
            # It reorders sums depending on the program around them, so that compiled epochs and fit would differ, and
            # takes a third of the time that a new program takes, without making its steps any faster.
            tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

    def accelerator(self) -> str | None:
        """See Backend."""
        for device in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(device)
            return str(details.get("device_name", device.name))
        return None

    @property
    def runs_eagerly(self) -> bool:
        """See Backend."""
        return bool(tf.config.functions_run_eagerly())

    def run_eagerly(self, eagerly: bool) -> None:
        """See Backend."""
        tf.config.run_functions_eagerly(eagerly)

    def steps_per_call(self, steps: int) -> int:  # noqa: ARG002  of any number
        """See Backend."""
        return STEPS_PER_CALL

    @property
    def unfolds_convolutions(self) -> bool:
        """See Backend."""
        return False

    @property
    def compiles_long(self) -> bool:
        """See Backend."""
        return False

    def to_device(self, data: Split) -> tuple[DeviceImages, DeviceImages]:
        """See Backend."""
        images, pixel_max = _tensor(data.x), tf.constant(data.pixel_max, tf.float32)
        train = DeviceImages(images, tf.constant(data.train), tf.constant(data.y_train), pixel_max)
        return train, DeviceImages(images, tf.constant(data.val), tf.constant(data.y_val), pixel_max)

    def step_program(
        self,
        step: Step,
        variables: Sequence[Variable],
        batch_size: int,
        batch: BatchFunction | None = None,
        kept: Kept | None = None,
    ) -> StepProgram:
        """See Backend."""
        batch_of = batch or self.batch_of

        def steps(*arguments: Tensor) -> Tensor:
            *tensors, order, first, last, sums = arguments

            def body(number: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
                return number + 1, sums + step(*batch_of(tensors, order, number, batch_size))

            return tf.while_loop(lambda number, _: number < last, body, (first, sums), parallel_iterations=1)[1]

        traced = tf.function(steps, autograph=False, jit_compile=xla_wanted())
        program = traced if kept is None else KeptFunction(traced, variables, kept)

        def run(data: DeviceImages, order: Order, first: int, last: int, sums: Sums) -> Sums:
            arguments = (tf.constant(value) for value in (order, first, last, sums))
            total: Sums = program(*data.tensors, *arguments).numpy()
            return total

        return run

    def batch_of(
        self, tensors: Sequence[Tensor], order: Tensor, number: Tensor, batch_size: int
    ) -> tuple[Tensor, Tensor]:
        """See Backend."""
        images, positions, labels, pixel_max = tensors
        chosen = order[number * batch_size : (number + 1) * batch_size]
        numbers = chosen if order.shape.rank == 1 else chosen[:, 0]
        batch = tf.cast(tf.gather(images, tf.gather(positions, numbers)), tf.float32) / pixel_max
        return batch if order.shape.rank == 1 else _augmented(batch, chosen[:, 1:]), tf.gather(labels, numbers)

    def traced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """See Backend."""
        traced: Callable[..., Any] = tf.function(function, autograph=False)
        return traced

    def differentiable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """See Backend. TensorFlow's own gradients of a traced function add up what comes to a tensor in another order
        than a tape does.
        """

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def taped(*inputs: Any) -> tuple[Any, Callable[..., Any]]:
            with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
                tape.watch(inputs)
                outputs = function(*inputs)

            def gradients(*of: Any) -> Any:
                return tape.gradient(outputs, inputs, tf.nest.pack_sequence_as(outputs, of))

            return outputs, gradients

        return self.traced(taped)

    def gradients(
        self,
        loss: Callable[[list[Tensor]], tuple[Tensor, Tensor]],
        at: list[Tensor],
        variables: Sequence[Variable],  # noqa: ARG002  they are assigned as it runs
    ) -> tuple[list[Tensor], Tensor]:
        """See Backend."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            value, sums = loss(at)
        return tape.gradient(value, at), sums

    def switch(
        self,
        index: Tensor,
        branches: Sequence[Callable[[], None]],
        variables: Sequence[Variable],  # noqa: ARG002  they are assigned as it runs
    ) -> None:
        """See Backend."""

        def with_value(branch: Callable[[], None]) -> Callable[[], Tensor]:
            def run() -> Tensor:
                branch()
                return keras.ops.zeros((), "int32")

            return run

        keras.ops.switch(index, [with_value(branch) for branch in branches])

    def one_of(self, index: Tensor, branches: Sequence[Callable[[], Tensor]]) -> Tensor:
        """See Backend."""
        return keras.ops.switch(index, branches)

    def optional(
        self,
        switch: Tensor,
        function: Callable[[Tensor], Tensor],
        inputs: Tensor,
        variables: Sequence[Variable],  # noqa: ARG002  they are assigned as it runs
    ) -> Tensor:
        """See Backend."""
        return tf.cond(switch > 0, lambda: function(inputs), lambda: inputs)

    def dropout_numbers(self, rate: float) -> tuple[float, float]:
        """See Backend."""
        return rate, 1 / (1 - rate)

    def dropped(self, inputs: Tensor, drawn: Tensor, numbers: tuple[Tensor, Tensor]) -> Tensor:
        """See Backend."""
        rate, scale = numbers
        return keras.ops.where(drawn >= rate, inputs * scale, keras.ops.zeros((), inputs.dtype))

    def model_steps(self, model: Any) -> tuple[ModelStep, ModelStep]:
        """See Backend."""
        return model.train_step, model.test_step

    def scope(self, values: Sequence[tuple[Variable, Tensor]]) -> AbstractContextManager[Any]:
        """See Backend."""
        scope: AbstractContextManager[Any] = keras.StatelessScope(values)
        return scope


def _tensor(images: NDArray[Any]) -> Tensor:
    """The images on the device. On a processor a mapped file is taken as it is, so that processes share its memory:
    TensorFlow copies arrays, even those, unless they come by DLPack.
    """
    aligned = images.flags.c_contiguous and images.ctypes.data % ALIGNMENT == 0
    if not isinstance(images, np.memmap) or not aligned or tf.config.list_physical_devices("GPU"):
        return tf.constant(images)
    view = images.view(np.ndarray)
    view.flags.writeable = True  # DLPack takes no others; nothing writes to it, and the mapping is private
    return tf.experimental.dlpack.from_dlpack(view.__dlpack__())


def _augmented(images: Tensor, parameters: Tensor) -> Tensor:
    """`augmentation.augment` as part of a program."""
    height, width = images.shape[1:3]
    mirrored, up, left, zero = (column[:, tf.newaxis] for column in tf.unstack(parameters, axis=1))
    columns = tf.range(width, dtype=parameters.dtype)
    rows = tf.range(height, dtype=parameters.dtype) + up
    columns = tf.where(mirrored == 1, columns[::-1], columns) + left
    inside = ((rows >= 0) & (rows < height))[:, :, tf.newaxis] & ((columns >= 0) & (columns < width))[:, tf.newaxis]
    chosen = tf.gather(images, tf.clip_by_value(rows, 0, height - 1), axis=1, batch_dims=1)
    chosen = tf.gather(chosen, tf.clip_by_value(columns, 0, width - 1), axis=2, batch_dims=1)
    kept = inside | (zero == 0)[:, :, tf.newaxis]
    return tf.where(kept[..., tf.newaxis], chosen, tf.zeros((), images.dtype))
