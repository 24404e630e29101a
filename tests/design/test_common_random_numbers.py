"""What arms have in common within a replicate, seen in real training: images, their order, initial weights."""

from typing import Any

import msgspec
import numpy as np
import pytest

from search.datasets import load_dataset
from search.design.arms import document
from search.design.replicates import order_of
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.study.space import configuration_of
from search.study.split_seed import split_seed
from search.trainers.protocol import DataSource, Train
from search.training.backends.process import compiling_backend
from search.training.data.split import Split, split
from search.training.epochs.epochs import Epochs
from search.training.jobs.job import Jobs
from search.training.jobs.trainable_models import TrainableModels
from search.training.shared_programs.program_cache import ProgramCache
from spaces import load_space
from spaces.configuration import BatchNorm, Configuration
from storage.comparison import ArmDesign, Comparison, PlannedLook
from storage.records import SlotOrder

ARMS = (Configuration(), Configuration(batch_norm=BatchNorm("before_activation")))
DESIGN = Comparison(
    question="",
    arms=tuple(ArmDesign(str(number), document(arm)) for number, arm in enumerate(ARMS)),
    margin=0.005,
    looks=(PlannedLook(2, 0.05),),
)
MANIFEST = msgspec.structs.replace(make_plan(LaunchOptions(space="bn_dropout", limit_train=200)).manifest)


@pytest.fixture(autouse=True)
def keras_here(keras: Any) -> None:
    """Models are made in this process."""


def order(slot: int) -> SlotOrder:
    return order_of(MANIFEST, DESIGN, slot)


def images(slot: int) -> Split:
    return split(load_dataset("digits"), 0.2, split_seed(MANIFEST, order(slot).settings), 200)


def kernels(slot: int) -> list[np.ndarray]:
    """The initial kernels of a slot's arm; its optimizer's state is all zeros."""
    job = Train(
        job=1,
        configuration=configuration_of(DESIGN.arms[slot % 2].configuration),
        space="bn_dropout",
        data=DataSource("digits", limit_train=200),
        epochs=1,
        batch_size=64,
        seed=order(slot).seed,
        split_seed=split_seed(MANIFEST, order(slot).settings),
        token=1,
    )
    backend = compiling_backend()
    assert backend is not None
    models = TrainableModels(images(slot), backend, ProgramCache(backend))
    with models.model_for(job, load_space("bn_dropout")) as model:
        return [value for value in model.values() if value.ndim in (2, 4) and value.any()]


def test_arms_of_a_replicate_see_the_same_images_in_the_same_order() -> None:
    first, second, next_replicate = images(0), images(1), images(2)
    np.testing.assert_array_equal(first.x_train, second.x_train)
    np.testing.assert_array_equal(first.x_val, second.x_val)
    assert not np.array_equal(first.x_val, next_replicate.x_val)
    orders = [Epochs(1, 2, 160, order(slot).seed).order(2) for slot in (0, 1, 2)]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])


def test_arms_of_a_replicate_start_from_the_same_weights_where_their_architectures_agree() -> None:
    plain, normalized, next_replicate = kernels(0), kernels(1), kernels(2)
    assert len(plain) == 5
    for one, other in zip(plain, normalized, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(plain[0], next_replicate[0])


def test_a_replicate_s_scores_are_those_of_its_seeds_alone() -> None:
    def scores(slot: int) -> object:
        job = Train(
            job=1,
            configuration=ARMS[0],
            space="bn_dropout",
            data=DataSource("digits", limit_train=200),
            epochs=1,
            batch_size=64,
            seed=order(slot).seed,
            split_seed=split_seed(MANIFEST, order(slot).settings),
            token=1,
        )
        (epoch, _) = Jobs().train(job, lambda: False)
        return epoch.scores.val_loss  # type: ignore[union-attr]

    assert scores(0) == scores(1)
    assert scores(0) != scores(2)


@pytest.mark.parametrize("kind", ["comparison", "confirmation"])
def test_no_replicate_has_a_seed_of_a_search(kind: str) -> None:
    from search.sampling.seeds import derive_seed

    design = msgspec.structs.replace(DESIGN, kind=kind)
    searched = {derive_seed(0, slot) for slot in range(2000)} | {0}
    fresh = [order_of(MANIFEST, design, slot) for slot in range(0, 200, 2)]
    seeds = {seed for one in fresh for seed in (one.seed, split_seed(MANIFEST, one.settings))}
    assert len(seeds) == 200
    assert not seeds & searched
