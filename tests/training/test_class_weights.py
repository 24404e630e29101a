"""Class weights: numbers of their own in a shared program, with the scores and weights of Keras' `fit`."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from search.datasets import load_dataset
from search.training.backends.protocol import Backend
from search.training.data.split import Split, split
from search.training.epochs.compiled_runner import CompiledRunner
from search.training.epochs.epochs import Epochs, run_epochs
from search.training.epochs.keras_runner import KerasRunner
from search.training.epochs.trainable_model import KerasTrainableModel, TrainableModel
from search.training.models.building import InputSpec, compile_model, model_from_layers, seed_all
from search.training.shared_programs.program_cache import ProgramCache
from search.training.shared_programs.skeleton import own_slots
from spaces.class_weight import ClassWeight, class_weights
from spaces.configuration import Block, Configuration, Optimizer
from spaces.errors import ConfigurationError
from tests.helpers.backends import as_fit, differing_from_fit

BATCH, SEED, EPOCHS = 64, 7, 2
SMALL = Configuration((Block((4,)),), dense=(16,), optimizer=Optimizer("adam", 3e-3))


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=20), st.sampled_from(["balanced", "effective_number"]))
def test_weights_are_larger_for_smaller_classes_and_1_on_average(counts: list[int], scheme: ClassWeight) -> None:
    weights = class_weights(scheme, counts)
    assert weights is not None
    assert np.average(weights, weights=counts) == pytest.approx(1)
    assert all(np.diff(np.array(weights)[np.argsort(counts, kind="stable")]) <= 1e-12)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    labels = np.repeat([0, 1, 2], [180, 90, 30])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert class_weights("balanced", [180, 90, 30]) == pytest.approx(expected)


def test_the_effective_number_of_many_images_is_the_same() -> None:
    weights = class_weights("effective_number", [100_000, 20_000, 0])
    assert weights == pytest.approx((1, 1, 0))
    assert class_weights("none", [2, 1]) is None


def test_a_configuration_says_its_class_weight_only_if_it_has_one() -> None:
    assert "class_weight" not in Configuration().to_json()
    balanced = Configuration(class_weight="balanced")
    assert Configuration.from_json(balanced.to_json()) == balanced
    with pytest.raises(ConfigurationError):
        Configuration(class_weight="heavy")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def data() -> Split:
    return split(load_dataset("digits"), 0.25, seed=1, limit_train=300)


def trained(model: TrainableModel, data: Split) -> tuple[list[Any], list[Any]]:
    epochs = run_epochs(model, Epochs(1, EPOCHS, data.n_train, seed=9), lambda: False)
    return [(e.loss, e.accuracy, e.val_loss, e.val_accuracy) for e in epochs], model.values()


def test_a_program_is_weighted_as_fit_is_and_takes_other_weights_and_none_in_turn(
    keras: Any, backend: Backend, data: Split
) -> None:
    spec = InputSpec(data.image_shape, 10, data.steps_per_epoch(BATCH))
    programs, images = ProgramCache(backend), backend.to_device(data)

    def by_program(weights: tuple[float, ...] | None) -> tuple[list[Any], list[Any]]:
        program = programs.program(SMALL, own_slots(SMALL), spec, BATCH, weighted=weights is not None)
        program.begin(SMALL, SEED, EPOCHS, images, class_weights=weights)
        return trained(program, data)

    def own(weights: tuple[float, ...] | None, *, compiled: bool) -> tuple[list[Any], list[Any]]:
        seed_all(SEED)
        model = model_from_layers(SMALL, spec)
        compile_model(model, SMALL, EPOCHS * spec.steps_per_epoch)
        by_fit = KerasRunner(model, data, BATCH, class_weights=weights)
        runner = CompiledRunner(model, data, BATCH, backend, weights) if compiled else by_fit
        return trained(KerasTrainableModel(model, runner), data)

    weights = tuple(np.linspace(0.5, 2, 10).tolist())
    plain, weighted = by_program(None), by_program(weights)
    assert weighted[0] != plain[0]
    by_fit = own(weights, compiled=False)
    for scores, values in (weighted, own(weights, compiled=True)):
        assert scores == as_fit(by_fit[0])
        assert differing_from_fit(values, by_fit[1]) == []
    again = by_program(weights)
    assert again[0] == weighted[0]
    assert all(np.array_equal(one, other) for one, other in zip(again[1], weighted[1], strict=True))
    assert by_program(weights[::-1])[0] != weighted[0]
    assert by_program(None)[0] == plain[0]
