"""JAX as a backend: an epoch is one pure function of the variables' values. The only module that imports it.

A step that assigns variables becomes `state = step(state, batch)`: in a scope the variables have the values of the
state, and what they have at its end is the next state. Settings such as a learning rate are part of it, so that a
program compiled once serves all of them. Where a loop's length or a branch is a number on the device, a GPU's host
waits for it; there, lengths are constants, and of cheap branches all are computed.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax

from search.host.machine import instructions
from search.host.program_folder import make_executables_folder
from search.training.backends.compile_lock import compile_lock
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
from search.training.data.order import Order
from search.training.data.split import Split

LARGEST_CACHE = 500 * 2**20  # bytes
CALL_ON_CPU = 16  # steps
CALL_ON_ACCELERATOR = 512  # steps: the host doesn't wait for it in between

Values = list[Tensor]


class Scope(keras.StatelessScope):  # type: ignore[misc]  # Keras has no types
    """A scope that knows what the one around it knows; Keras' own doesn't ask it."""

    def __init__(self, open_scopes: list["Scope"], values: Sequence[tuple[Variable, Tensor]]) -> None:
        super().__init__(values)
        self._open = open_scopes
        self._around = open_scopes[-1] if open_scopes else None

    def __enter__(self) -> "Scope":
        self._open.append(self)
        super().__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        super().__exit__(*failure)
        self._open.pop()

    def get_current_value(self, variable: Variable) -> Tensor:
        """The value in this scope.

        Raises:
            RuntimeError: a program doesn't name the variable, whose value would become a constant of it.
        """
        value = super().get_current_value(variable)
        if value is not None:
            return value
        if self._around is None:
            raise RuntimeError(f"a program uses the variable {variable.path}, which it doesn't name")
        return self._around.get_current_value(variable)


class OpenScopes(threading.local):
    """The scopes that a thread is in, the innermost last."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []


class Jax:
    """A Backend."""

    def __init__(self) -> None:
        self._open = OpenScopes()

    def configure(self, threads: int | None) -> None:
        """See Backend."""
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        if threads is not None:
            flags = ["--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1"] if threads == 1 else []
            os.environ["XLA_FLAGS"] = " ".join([*os.environ.get("XLA_FLAGS", "").split(), *flags])
            os.environ["NPROC"] = str(threads)  # how many threads XLA has
        _keep_executables()

    def accelerator(self) -> str | None:
        """See Backend."""
        return str(jax.devices()[0].device_kind) if self._on_accelerator else None

    @property
    def _on_accelerator(self) -> bool:
        return bool(jax.default_backend() != "cpu")

    @property
    def runs_eagerly(self) -> bool:
        """See Backend."""
        return bool(jax.config.jax_disable_jit)

    def run_eagerly(self, eagerly: bool) -> None:
        """See Backend."""
        jax.config.update("jax_disable_jit", eagerly)

    def steps_per_call(self, steps: int) -> int:
        """See Backend. On an accelerator an epoch is one call, or several of one length."""
        if not self._on_accelerator:
            return CALL_ON_CPU
        calls = -(-steps // CALL_ON_ACCELERATOR)
        return -(-steps // calls)

    @property
    def unfolds_convolutions(self) -> bool:
        """See Backend. On a processor, XLA's own convolution of small images takes ten times as long."""
        return not self._on_accelerator

    @property
    def compiles_long(self) -> bool:
        """See Backend."""
        return True

    def to_device(self, data: Split) -> tuple[DeviceImages, DeviceImages]:
        """See Backend. A processor takes the images as they are: several trainers share those of a mapped file."""
        images, pixel_max = jax.device_put(data.x), jnp.asarray(data.pixel_max, jnp.float32)
        train = DeviceImages(images, _integers(data.train), _integers(data.y_train), pixel_max)
        return train, DeviceImages(images, _integers(data.val), _integers(data.y_val), pixel_max)

    def step_program(
        self,
        step: Step,
        variables: Sequence[Variable],
        batch_size: int,
        batch: BatchFunction | None = None,
        kept: Kept | None = None,  # noqa: ARG002  JAX keeps compiled programs by itself
    ) -> StepProgram:
        """See Backend."""
        named = list({id(variable): variable for variable in variables}.values())
        pure, batch_of = self._pure(step, named), batch or self.batch_of

        def one(tensors: Sequence[Tensor], order: Tensor, size: int, number: Tensor, carry: Any) -> Any:
            state, sums = carry
            state, more = pure(state, *batch_of(tensors, order, number, size))
            return state, sums + more

        def steps(
            state: Values, tensors: Sequence[Tensor], order: Tensor, first: Tensor, sums: Tensor, count: Any, rest: Any
        ) -> tuple[Values, Tensor]:
            """`count` whole batches from number `first` on, then the partial one if `rest` is true."""
            whole = order.shape[0] // batch_size * batch_size
            step_of = partial(one, tensors, order, batch_size)
            carry: tuple[Values, Tensor] = state, sums
            if whole:
                carry = lax.fori_loop(0, count, lambda i, carry: step_of(first + i, carry), carry)
            if whole < order.shape[0] and rest is not False:
                left = partial(one, tensors, order[whole:], order.shape[0] - whole, 0)
                carry = left(carry) if rest is True else lax.cond(rest, left, lambda carry: carry, carry)
            return carry

        constant = ("count", "rest") if self._on_accelerator else ()
        program = jax.jit(steps, donate_argnums=0, static_argnames=constant)

        compiled = set[tuple[Any, ...]]()

        def run(data: DeviceImages, order: Order, first: int, last: int, sums: Sums) -> Sums:
            whole = len(order) // batch_size
            lengths = {"count": min(last, whole) - first, "rest": last > whole}
            arguments = [variable.value for variable in named], data.tensors, _integers(order), first, sums
            kind = order.shape, *[tensor.shape for tensor in data.tensors], *[lengths[name] for name in constant]
            begun = kind in compiled or self.runs_eagerly
            with contextlib.nullcontext() if begun else self._compiling(program.lower(*arguments, **lengths)):
                state, total = program(*arguments, **lengths)
            compiled.add(kind)
            for variable, value in zip(named, state, strict=True):
                variable.assign(value)
            return np.asarray(total)

        return run

    def batch_of(
        self, tensors: Sequence[Tensor], order: Tensor, number: Tensor, batch_size: int
    ) -> tuple[Tensor, Tensor]:
        """See Backend."""
        images, positions, labels, pixel_max = tensors
        chosen = lax.dynamic_slice_in_dim(order, number * batch_size, batch_size)
        numbers = chosen if order.ndim == 1 else chosen[:, 0]
        batch = _taken(images, _taken(positions, numbers)).astype(jnp.float32) / pixel_max
        return batch if order.ndim == 1 else _augmented(batch, chosen[:, 1:]), _taken(labels, numbers)

    def traced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """See Backend. Each program is traced as a whole: a part of it couldn't assign variables."""
        return function

    def differentiable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """See Backend."""
        return function

    def gradients(
        self, loss: Callable[[Values], tuple[Tensor, Tensor]], at: Values, variables: Sequence[Variable]
    ) -> tuple[Values, Tensor]:
        """See Backend."""

        def of_state(at: Values, state: Values) -> tuple[Tensor, tuple[Tensor, Values]]:
            with self._scope(variables, state) as scope:
                value, sums = loss(at)
                return value, (sums, [scope.get_current_value(variable) for variable in variables])

        gradients, (sums, state) = jax.grad(of_state, has_aux=True)(at, [variable.value for variable in variables])
        _assign(variables, state)
        return gradients, sums

    def switch(self, index: Tensor, branches: Sequence[Callable[[], None]], variables: Sequence[Variable]) -> None:
        """See Backend."""

        def pure(branch: Callable[[], None]) -> Callable[[], Values]:
            def run() -> Values:
                with self._scope(variables, [variable.value for variable in variables]) as scope:
                    branch()
                    return [scope.get_current_value(variable) for variable in variables]

            return run

        _assign(variables, self._one_of(index, [pure(branch) for branch in branches]))

    def one_of(self, index: Tensor, branches: Sequence[Callable[[], Tensor]]) -> Tensor:
        """See Backend."""
        return self._one_of(index, branches)

    def optional(
        self, switch: Tensor, function: Callable[[Tensor], Tensor], inputs: Tensor, variables: Sequence[Variable]
    ) -> Tensor:
        """See Backend. On an accelerator the function is computed in any case, of zeros where it isn't wanted: a NaN
        times a gradient of 0 would be NaN.
        """
        on, state = switch > 0, [variable.value for variable in variables]

        def taken(inputs: Tensor) -> tuple[Tensor, Values]:
            with self._scope(variables, state) as scope:
                outputs = function(inputs)
                return outputs, [scope.get_current_value(variable) for variable in variables]

        if self._on_accelerator:
            found = taken(jnp.where(on, inputs, jnp.zeros((), inputs.dtype)))
            outputs, after = jax.tree.map(partial(jnp.where, on), found, (inputs, state))
        else:
            outputs, after = lax.cond(on, taken, lambda inputs: (inputs, state), inputs)
        _assign(variables, after)
        return outputs

    def dropout_numbers(self, rate: float) -> tuple[float, float]:
        """See Backend."""
        return 1 - rate, 1 - rate

    def dropped(self, inputs: Tensor, drawn: Tensor, numbers: tuple[Tensor, Tensor]) -> Tensor:
        """See Backend."""
        kept, scale = numbers
        return jnp.where(drawn < kept, inputs / scale, jnp.zeros((), inputs.dtype))

    def model_steps(self, model: Any) -> tuple[ModelStep, ModelStep]:
        """See Backend."""
        optimizer = [model.optimizer.variables]
        weights, metrics = [model.trainable_variables, model.non_trainable_variables], [model.metrics_variables]
        return (
            _assigning(model.train_step, [*weights, *optimizer, *metrics]),
            _assigning(model.test_step, [*weights, *metrics]),
        )

    def scope(self, values: Sequence[tuple[Variable, Tensor]]) -> AbstractContextManager[Any]:
        """See Backend."""
        return Scope(self._open.scopes, values)

    def _scope(self, variables: Sequence[Variable], values: Values) -> Scope:
        return Scope(self._open.scopes, list(zip(variables, values, strict=True)))

    def _one_of(self, index: Tensor, branches: Sequence[Callable[[], Any]]) -> Any:
        if not self._on_accelerator:
            return lax.switch(index, branches)
        return jax.tree.map(lambda *cases: lax.select_n(index, *cases), *[branch() for branch in branches])

    def _compiling(self, lowered: Any) -> AbstractContextManager[None]:
        """For the first call of a program, which compiles it."""
        folder = jax.config.jax_compilation_cache_dir
        return compile_lock(None if folder is None else Path(folder), lowered.as_text())

    def _pure(self, step: Step, variables: Sequence[Variable]) -> Callable[..., tuple[Values, Tensor]]:
        """The step as a function of the variables' values too, which returns those after it."""

        def run(state: Values, images: Tensor, labels: Tensor) -> tuple[Values, Tensor]:
            with self._scope(variables, state) as scope:
                sums = step(images, labels)
                return [scope.get_current_value(variable) for variable in variables], sums

        return run


def _keep_executables() -> None:
    """Lets JAX keep what it compiles, however small, on disk: an executable for a processor only for its like, as it
    may have instructions that others don't.
    """
    folder = make_executables_folder(instructions())
    if folder is None:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", LARGEST_CACHE)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _assigning(step: Callable[..., tuple[Any, Any]], groups: Sequence[Sequence[Variable]]) -> ModelStep:
    """Keras' step of a state and a batch, as one that assigns the state's variables."""

    def run(batch: tuple[Tensor, ...]) -> object:
        logs, state = step(tuple([variable.value for variable in group] for group in groups), batch)
        for group, values in zip(groups, state, strict=True):
            _assign(group, values)
        return logs

    return run


def _assign(variables: Sequence[Variable], values: Sequence[Tensor]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _integers(values: Any) -> Tensor:
    """Positions or labels; JAX' integers have 32 bits."""
    return jnp.asarray(np.asarray(values, np.int32))


def _taken(values: Tensor, positions: Tensor) -> Tensor:
    return jnp.take(values, positions, axis=0, mode="clip")


def _augmented(images: Tensor, parameters: Tensor) -> Tensor:
    """`augmentation.augment` as part of a program."""
    n, height, width, _ = images.shape
    mirrored, up, left, zero = (column[:, jnp.newaxis] for column in parameters.T)
    columns = jnp.arange(width)
    rows = jnp.arange(height) + up
    columns = jnp.where(mirrored == 1, columns[::-1], columns) + left
    inside = ((rows >= 0) & (rows < height))[:, :, jnp.newaxis] & ((columns >= 0) & (columns < width))[:, jnp.newaxis]
    chosen = images[
        jnp.arange(n)[:, jnp.newaxis, jnp.newaxis],
        rows.clip(0, height - 1)[:, :, jnp.newaxis],
        columns.clip(0, width - 1)[:, jnp.newaxis],
    ]
    kept = inside | (zero == 0)[:, :, jnp.newaxis]
    return jnp.where(kept[..., jnp.newaxis], chosen, jnp.zeros((), images.dtype))
