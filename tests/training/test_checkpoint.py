"""Checkpoints: what is saved comes back, and what is damaged isn't used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.training.checkpoint import Checkpoints
from search.training.fit import EpochScores
from search.training.trainee import KerasTrainee

MakeModel = Callable[[int], Any]
LOST = EpochScores(1, None, 0.5, 1.5, 0.4, 2.5, 0.01)
FINE = EpochScores(2, 0.1, 0.5, 1.5, 0.4, 2.5, 0.01)


@pytest.fixture
def model(keras: Any) -> MakeModel:
    """Makes small models; the seed decides their weights."""

    def make(seed: int, units: int = 3) -> Any:
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(units)])
        model.compile(optimizer="adam", loss="mse")
        model.optimizer.build(model.trainable_variables)
        return model

    return make


def checkpoints(folder: Path, token: int = 1, identity: str = "job") -> Checkpoints:
    return Checkpoints(folder, token, identity)


def state(model: Any) -> KerasTrainee:
    """The runner isn't needed: these models go through no epochs."""
    runner: Any = None
    return KerasTrainee(model, runner)


def values(model: Any) -> list[Any]:
    return state(model).values()


def equal(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(values(one), values(other), strict=True))


def test_everything_comes_back(tmp_path: Path, model: MakeModel) -> None:
    trained, fresh = model(1), model(2)
    trained.fit(np.ones((8, 2)), np.ones((8, 3)), verbose=0)
    checkpoints(tmp_path).save(values(trained), [LOST, FINE])
    resumed = checkpoints(tmp_path, token=2).resume(state(fresh))
    assert resumed.history == (LOST, FINE)
    assert resumed.problems == ()
    assert equal(trained, fresh)


def test_without_a_checkpoint_the_model_stays_as_it_is(tmp_path: Path, model: MakeModel) -> None:
    fresh = model(1)
    assert checkpoints(tmp_path / "none").resume(state(fresh)).history == ()
    assert equal(fresh, model(1))


def test_that_with_the_most_epochs_is_resumed(tmp_path: Path, model: MakeModel) -> None:
    checkpoints(tmp_path, token=1).save(values(model(1)), [LOST, FINE])
    checkpoints(tmp_path, token=2).save(values(model(2)), [LOST])
    fresh = model(3)
    assert len(checkpoints(tmp_path, token=3).resume(state(fresh)).history) == 2
    assert equal(fresh, model(1))


@pytest.mark.parametrize("damage", [lambda b: b[:-50], lambda b: b[:0], lambda b: b.replace(b"\x00" * 8, b"\x01" * 8)])
def test_a_damaged_one_is_passed_over_for_an_older_one(
    tmp_path: Path, model: MakeModel, damage: Callable[[bytes], bytes]
) -> None:
    checkpoints(tmp_path, token=1).save(values(model(1)), [LOST])
    checkpoints(tmp_path, token=2).save(values(model(2)), [LOST, FINE])
    damaged = tmp_path / "token-2.npz"
    damaged.write_bytes(damage(damaged.read_bytes()))
    fresh = model(3)
    resumed = checkpoints(tmp_path, token=3).resume(state(fresh))
    assert len(resumed.history) == 1
    assert [str(damaged) in problem for problem in resumed.problems] == [True]
    assert equal(fresh, model(1))


def test_one_flipped_bit_in_the_weights_is_found(tmp_path: Path, model: MakeModel) -> None:
    weights = model(1)
    checkpoints(tmp_path).save(values(weights), [LOST])
    path, kernel = tmp_path / "token-1.npz", weights.layers[-1].kernel.numpy().tobytes()
    flipped = bytes([kernel[0] ^ 1]) + kernel[1:]
    path.write_bytes(path.read_bytes().replace(kernel, flipped))
    assert checkpoints(tmp_path).resume(state(model(2))).history == ()


def test_one_of_another_job_is_not_used(tmp_path: Path, model: MakeModel) -> None:
    checkpoints(tmp_path, identity="job").save(values(model(1)), [LOST])
    resumed = checkpoints(tmp_path, identity="other").resume(state(model(2)))
    assert resumed.history == ()
    assert "another job" in resumed.problems[0]


def test_one_that_does_not_fit_the_model_leaves_it_untouched(tmp_path: Path, model: Any) -> None:
    checkpoints(tmp_path).save(values(model(1, units=4)), [LOST])
    fresh = model(2)
    assert "don't fit" in checkpoints(tmp_path).resume(state(fresh)).problems[0]
    assert equal(fresh, model(2))


def test_a_part_left_by_a_kill_is_no_checkpoint(tmp_path: Path, model: MakeModel) -> None:
    (tmp_path / "token-1.part").write_bytes(b"half")
    assert checkpoints(tmp_path, token=2).resume(state(model(1))).problems == ()
