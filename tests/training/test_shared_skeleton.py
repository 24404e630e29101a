"""The program that many structures share trains each of them as the structure's own program does, on JAX.

A structure's own program, which it is compared with, isn't compiled here, which would take seconds for each: its
operations are done one by one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from search.training.backends.protocol import Backend, Tensor
from search.training.data.split import Split
from search.training.epochs.epochs import Epochs, run_epochs
from search.training.models.building import InputSpec
from search.training.shared_programs.skeleton import skeleton
from spaces.configuration import (
    BATCH_NORM_POSITIONS,
    DROPOUT_POSITIONS,
    Augmentation,
    BatchNorm,
    Block,
    Configuration,
    Dropout,
    Optimizer,
    Regularization,
)

pytestmark = pytest.mark.backends("jax", reason="nothing else compiles for long")

BATCH = 64
SEED = 7
EPOCHS = 3
ROUNDING = 1e-5
WEIGHTS = tuple(np.linspace(0.5, 1.5, 10).tolist())  # of the digits' classes
MOMENTUM = Optimizer("momentum", 0.03, 0.9)
SMALL = Configuration((Block((4,)),), dense=(8,), optimizer=MOMENTUM)
STRUCTURES = [
    msgspec.structs.replace(
        SMALL, batch_norm=BatchNorm(batch_norm), dropout=() if place is None else (Dropout(place, 0.3),)
    )
    for batch_norm, place in product(BATCH_NORM_POSITIONS, [None, *DROPOUT_POSITIONS])
]
PENALIZED = [
    msgspec.structs.replace(SMALL, regularization=regularization, optimizer=optimizer)
    for regularization, optimizer in [
        (Regularization(l1=1e-3), Optimizer("adam", 3e-3)),
        (Regularization(l2=1e-2), Optimizer("adamw", 3e-3, weight_decay=0.02)),
        (Regularization(1e-3, 1e-2, "convolutions"), Optimizer("rmsprop", 1e-3, 0.6)),
    ]
]
BOTH = STRUCTURES[-1]


def accelerator_in_name() -> Backend:
    """A processor that is treated as an accelerator: all that is optional is computed."""
    from search.training.backends.jax import Jax

    class AcceleratorInName(Jax):
        @property
        def _on_accelerator(self) -> bool:
            return True

    return AcceleratorInName()


def program_of(backend: Backend, spec: InputSpec, configuration: Configuration, *, shared: bool) -> Any:
    """The skeleton's program, weighted by classes, or that of the configuration's structure."""
    from search.training.shared_programs.graph_cache import GraphCache
    from search.training.shared_programs.shared_program import SharedProgram

    slots = skeleton(configuration) if shared else None
    return SharedProgram(configuration, spec, BATCH, GraphCache(backend), slots=slots, weighted=True)


@pytest.fixture(scope="module")
def program(backend: Backend, spec: InputSpec) -> Any:
    """The one program for all that is trained here."""
    return program_of(backend, spec, SMALL, shared=True)


@pytest.fixture(scope="module")
def train(data: Split, backend: Backend) -> "Train":
    """Trains a program on the images."""
    return Train(data, backend)


class Train:
    """Begins with a configuration and trains some of its epochs, after those whose state is given."""

    def __init__(self, data: Split, backend: Backend) -> None:
        self._n, self._images = data.n_train, backend.to_device(data)

    def __call__(
        self,
        program: Any,
        configuration: Configuration,
        last: int = 1,
        *,
        after: Sequence[NDArray[Any]] | None = None,
    ) -> list[float]:
        """The scores of the epochs to the last one: from the first, or only that one after the state before it."""
        program.begin(configuration, SEED, EPOCHS, self._images, class_weights=WEIGHTS)
        if after is not None:
            program.restore(after)
        epochs = Epochs(1 if after is None else last, last, self._n, 9, Augmentation())
        scores = run_epochs(program, epochs, lambda: False)
        return [x for e in scores for x in (e.loss or 0, e.accuracy or 0, e.val_loss or 0, e.val_accuracy or 0)]


@contextmanager
def uncompiled(backend: Backend) -> Iterator[None]:
    """Nothing is compiled as a whole within."""
    backend.run_eagerly(True)
    try:
        yield
    finally:
        backend.run_eagerly(False)


def largest_difference(one: Sequence[NDArray[Any]], other: Sequence[NDArray[Any]]) -> float:
    return max(float(np.max(np.abs(a.astype(float) - b.astype(float)))) for a, b in zip(one, other, strict=True))


def equal(one: Sequence[NDArray[Any]], other: Sequence[NDArray[Any]]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("configuration", [*STRUCTURES, *PENALIZED], ids=lambda c: c.to_json())
def test_it_trains_every_structure_as_its_own_program_but_for_rounding(
    program: Any, train: Train, backend: Backend, spec: InputSpec, configuration: Configuration
) -> None:
    own = program_of(backend, spec, configuration, shared=False)
    with uncompiled(backend):
        expected = train(own, configuration)
    assert train(program, configuration) == pytest.approx(expected, abs=ROUNDING)
    assert program.parameters == own.parameters
    assert largest_difference(program.values(), own.values()) < ROUNDING


def test_trainings_of_other_structures_in_between_change_nothing_to_the_last_bit(program: Any, train: Train) -> None:
    once, values = train(program, BOTH, 2), program.values()
    train(program, STRUCTURES[0])
    train(program, msgspec.structs.replace(STRUCTURES[8], optimizer=Optimizer("sgd", 1e30)))
    assert not all(np.all(np.isfinite(value)) for value in program.values())
    assert train(program, BOTH, 2) == once
    assert equal(program.values(), values)


def test_a_resumed_training_goes_on_to_the_last_bit(program: Any, train: Train) -> None:
    once, values = train(program, BOTH, 2), program.values()
    train(program, BOTH)
    after_one = program.values()
    train(program, PENALIZED[1])
    assert train(program, BOTH, 2, after=after_one) == once[4:]
    assert equal(program.values(), values)


def test_each_program_resumes_from_the_state_that_the_other_gives(
    program: Any, train: Train, backend: Backend, spec: InputSpec
) -> None:
    own = program_of(backend, spec, BOTH, shared=False)
    train(program, BOTH)
    ours = program.values()
    with uncompiled(backend):
        train(own, BOTH)
        own_values = own.values()
        second = train(own, BOTH, 2, after=ours)
    assert equal(
        [value for value in ours if value.dtype != np.float32], [v for v in own_values if v.dtype != np.float32]
    )
    assert train(program, BOTH, 2, after=own_values) == pytest.approx(second, abs=ROUNDING)


def test_a_model_has_the_layers_of_its_structure_alone_and_scores_as_it_did(
    program: Any, train: Train, data: Split
) -> None:
    for configuration in (BOTH, STRUCTURES[0], BOTH):
        *_, val_loss, val_accuracy = train(program, configuration)
        model = program.keras_model()
        kinds = [type(layer).__name__ for layer in model.layers]
        assert ("BatchNormalization" in kinds, "Dropout" in kinds) == (configuration is BOTH,) * 2
        loss, accuracy = model.evaluate(data.scaled(data.x_val), data.y_val, verbose=0)
        assert (loss, accuracy) == pytest.approx((val_loss, val_accuracy), abs=ROUNDING)


def test_an_accelerator_that_computes_all_that_is_optional_trains_the_same(
    program: Any, train: Train, spec: InputSpec
) -> None:
    computing_all = program_of(accelerator_in_name(), spec, SMALL, shared=True)
    for configuration in (STRUCTURES[0], BOTH, PENALIZED[2]):
        expected, values = train(program, configuration), program.values()
        assert train(computing_all, configuration) == pytest.approx(expected, abs=ROUNDING)
        assert largest_difference(computing_all.values(), values) < ROUNDING


@pytest.mark.parametrize("on", [0, 1])
@pytest.mark.parametrize("accelerator", [False, True])
def test_what_is_not_wanted_changes_no_value_no_gradient_and_no_state(
    keras: Any, backend: Backend, accelerator: bool, on: int
) -> None:
    """The root of -1 is NaN, and so are its gradient, and a state that it is assigned to."""
    import jax
    import jax.numpy as jnp

    backend = accelerator_in_name() if accelerator else backend
    state = keras.Variable(3.0)

    def root(inputs: Tensor) -> Tensor:
        root = jnp.sqrt(inputs)
        state.assign(root[0])
        return root

    def loss(inputs: Tensor, switch: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        with backend.scope([(state, before)]) as scope:
            outputs = backend.optional(switch, root, inputs, [state])
            return jnp.sum(outputs), scope.get_current_value(state)

    inputs = jnp.array([4.0]) if on else jnp.array([-1.0])
    (value, after), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(inputs, on, 3.0)
    assert (value, after, gradient[0]) == ((2.0, 2.0, 0.25) if on else (-1.0, 3.0, 1.0))
